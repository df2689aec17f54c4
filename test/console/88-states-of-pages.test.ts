import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import type { Browser, Page } from 'playwright-core';
import { connectLamps } from '../system/acknowledging-lamps.js';
import { accessibilityProblems, openConsole, startBrowser } from '../system/console/browser.js';
import { type SharedStack, sharedStack } from '../system/stack.js';

const MEASUREMENTS = 40;
/** The longest valid name: 64 characters. */
const LONG = `lamp-${'x'.repeat(59)}`;

let stack: SharedStack;
let browser: Browser;

beforeAll(async () => {
  [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
}, 60_000);

const open = (path: string, options: Parameters<typeof openConsole>[2] = {}) =>
  openConsole(browser, `${stack.api.url}${path}`, { key: stack.key, ...options });
const widthOf = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth');

it('shows how to connect a device while a fleet has none, and the device once it reports', async () => {
  const fleet = await stack.broker.newFleet();
  const page = await open(`/fleets/${fleet.name}`);
  await page.getByRole('heading', { name: 'No device has reported yet' }).waitFor();
  await page.getByText(`${fleet.name}/telemetry/my-lamp`).waitFor();
  expect(await accessibilityProblems(page)).toEqual([]);
  const lamp = await connectDevice(fleet, 'my-lamp');
  await lamp.sendReading({ light: 120 });
  await page.getByText('1 device', { exact: true }).waitFor({ timeout: 25_000 });
});

it('shows a device with 40 measurements and a name of 64 characters, on a phone too', async () => {
  const fleet = await stack.broker.newFleet();
  const names = Array.from({ length: MEASUREMENTS }, (_, index) => `m${String(index).padStart(2, '0')}`);
  const device = await connectDevice(fleet, LONG);
  for (const value of [1, 2]) {
    await device.sendReading(Object.fromEntries(names.map((name, index) => [name, value * 1000 + index])));
  }
  await stack.online(fleet.name, LONG);
  for (const [path, ready] of [
    ['', '.map canvas'],
    ['/devices', '[role=row] a'],
    [`/devices/${LONG}`, '.plot canvas'],
  ] as const) {
    const page = await open(`/fleets/${fleet.name}${path}`, { viewport: { width: 360, height: 740 } });
    await page.locator(ready).first().waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    expect([path, await widthOf(page)]).toEqual([path, 360]);
    expect([path, await accessibilityProblems(page)]).toEqual([path, []]);
    if (path.includes(LONG)) await page.getByLabel('Measurement').selectOption('m39');
  }
  const page = await open(`/fleets/${fleet.name}/devices/${LONG}?measurement=m39`);
  await page.getByRole('heading', { name: 'm39' }).waitFor();
});

it('keeps search, filter, order and columns in the address', async () => {
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [
    { device: 'lamp-0001', light: 100 },
    { device: 'lamp-0002', light: 900 },
    { device: 'pump-0001', light: 500 },
  ]);
  for (const name of ['lamp-0001', 'lamp-0002', 'pump-0001']) await stack.online(fleet.name, name);
  const page = await open(`/fleets/${fleet.name}/devices`);
  const rows = () => page.locator('[role=row] a').allTextContents();
  await until(async () => (await rows()).length === 3, { what: 'three devices' });
  await page.getByLabel('Search').fill('lamp');
  await page.getByTitle('Sort by light').click();
  await until(async () => (await rows()).length === 2, { what: 'the search' });
  const shown = await rows();
  const copy = await open(new URL(page.url()).pathname + new URL(page.url()).search);
  const copied = () => copy.locator('[role=row] a').allTextContents();
  await until(async () => String(await copied()) === String(shown), {
    what: 'the same devices at the same address',
  });
});

it('works in several tabs, which all show a command that one of them sends', async () => {
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [{ device: 'lamp-0001', light: 900, acknowledgement: 'succeeded' }]);
  await stack.online(fleet.name, 'lamp-0001');
  const first = await open(`/fleets/${fleet.name}/devices/lamp-0001`);
  const second = await first.context().newPage();
  await second.goto(`${stack.api.url}/fleets/${fleet.name}/devices/lamp-0001#key=${stack.key}`);
  const commandIn = (page: Page) => page.locator('.history li').filter({ hasText: '{"chime":1}' });
  for (const page of [first, second]) await page.getByText('Live', { exact: true }).waitFor();
  await first.getByLabel('Action').fill('{"chime": 1}');
  await first.getByRole('button', { name: 'Send', exact: true }).click();
  for (const page of [first, second]) await commandIn(page).getByText('succeeded').waitFor();
});

it('shows times in the zone of the viewer, and in UTC on hover', async () => {
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [{ device: 'lamp-0001', light: 900 }]);
  await stack.online(fleet.name, 'lamp-0001');
  const page = await open(`/fleets/${fleet.name}/devices/lamp-0001`, { timezoneId: 'Asia/Kathmandu' });
  const time = page.locator('.facts time').first();
  const title = (await time.getAttribute('title')) ?? '';
  expect(title).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.]\d{3}Z$/);
  const local = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kathmandu', timeStyle: 'short' });
  expect(await time.textContent()).toContain(local.format(new Date(title)));
});

it('reaches every control of a page with the keyboard, and shows where the focus is', async () => {
  const fleet = await stack.broker.newFleet();
  await connectLamps(fleet, [{ device: 'lamp-0001', light: 900 }]);
  await stack.online(fleet.name, 'lamp-0001');
  for (const path of ['', '/devices', '/devices/lamp-0001', '/rollouts/new', '/rules']) {
    const page = await open(`/fleets/${fleet.name}${path}`, { reducedMotion: 'reduce' });
    await page.getByText('Live', { exact: true }).waitFor();
    await page
      .locator('.map canvas, [role=row] a, .plot canvas, .preview li, .raised-share')
      .first()
      .waitFor();
    const unreached = await page.evaluate<string[]>(`(() => {
      const all = [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex="0"]')];
      return all.filter((each) => each.tabIndex < 0 && each.checkVisibility() && !each.closest('[aria-hidden=true]'))
        .map(({ outerHTML }) => outerHTML);
    })()`);
    expect([path, unreached]).toEqual([path, []]);
    // The first key press reaches the link that skips the navigation.
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<{ text: string; outline: string }>(`(() => {
      const { outlineStyle } = getComputedStyle(document.activeElement);
      return { text: document.activeElement.textContent, outline: outlineStyle };
    })()`);
    expect([path, focused]).toEqual([path, { text: 'Skip to the content', outline: 'solid' }]);
    expect(
      await page.evaluate(
        `document.getAnimations().filter(({ playState }) => playState === 'running').length`,
      ),
    ).toBe(0);
  }
});
