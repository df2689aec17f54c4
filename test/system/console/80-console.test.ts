import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import type { Browser } from 'playwright-core';
import { connectLamps } from '../acknowledging-lamps.js';
import { type SharedStack, sharedStack } from '../stack.js';
import { accessibilityProblems, type ConsolePage, openConsole, startBrowser } from './browser.js';

let stack: SharedStack;
let browser: Browser;
let fleet: TestFleet;
let lamp: TestDevice;

const HOSTILE = '<img src=x onerror="window.attacked=1">';

beforeAll(async () => {
  [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
  fleet = await stack.broker.newFleet();
  lamp = await connectDevice(fleet, 'lamp-0001');
  await lamp.sendReading({ light: 900, led_on: false });
  await connectLamps(fleet, [
    { device: 'lamp-0002', light: 800, acknowledgement: 'succeeded' },
    { device: `lamp-${'long'.repeat(14)}`, light: 700 },
  ]);
  await stack.online(fleet.name, 'lamp-0001');
  await stack.online(fleet.name, 'lamp-0002');
}, 90_000);

const open = (path: string, options: Parameters<typeof openConsole>[2] = {}): Promise<ConsolePage> =>
  openConsole(browser, `${stack.api.url}${path}`, { key: stack.key, ...options });
const fleetPath = (more = '') => `/fleets/${fleet.name}${more}`;

it('is served with a strict policy only for its pages', async () => {
  const get = async (path: string) => {
    const response = await fetch(`${stack.api.url}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  for (const path of ['/', '/fleets/demo/devices/lamp-0001', '/?a=b']) {
    const page = await get(path);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html;charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(page.headers.get('content-security-policy')).toMatch(/frame-ancestors 'none'/);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const [script = ''] = /[/]assets[/][^"]+[.]js/.exec(page.text) ?? [];
    expect((await get(script)).headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  }
  for (const path of ['/unknown', '/assets/unknown.js', '/v1x']) {
    const response = await get(path);
    expect([path, response.status, response.headers.get('content-type')]).toEqual([
      path,
      404,
      expect.stringContaining('application/problem+json'),
    ]);
  }
  expect((await get('/v1/fleets')).status).toBe(401);
});

it('signs in with a link, whose key leaves the address at once, and signs out', async () => {
  const page = await open(fleetPath());
  await page.getByText('3 devices', { exact: true }).waitFor();
  expect(page.url()).toBe(`${stack.api.url}${fleetPath()}`);
  expect(await page.evaluate('JSON.stringify([sessionStorage, localStorage])')).not.toContain(stack.key);
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('API key').fill('lamp_000000000000.wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Unknown API key.').waitFor();
  await page.getByLabel('API key').fill(stack.key);
  await page.getByLabel('Stay signed in for this tab').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('3 devices', { exact: true }).waitFor();
  await page.reload();
  await page.getByText('Live', { exact: true }).waitFor();
});

it('shows on the map that a lamp is lit when light falls', async () => {
  const page = await open(fleetPath());
  const lit = () => page.locator('.map canvas').getAttribute('data-lit');
  await page.getByText('Live', { exact: true }).waitFor();
  await until(async () => (await lit()) === '0', { what: 'a map without lit lamps' });
  await lamp.sendReading({ light: 100, led_on: false });
  await until(() => lamp.commands().at(-1)?.led_on === true, { what: 'the command to light the lamp' });
  await lamp.sendReading({ light: 100, led_on: true });
  await until(async () => (await lit()) === '1', { what: 'the lamp to be lit on the map' });
  await page.locator('.map').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'lamp-0001' }).waitFor();
  await page.locator('.why-headline[data-outcome=raised]').waitFor();
  expect(page.errors).toEqual([]);
});

it('sends a command to the device and shows its acknowledgement', async () => {
  const page = await open(fleetPath('/devices/lamp-0002'));
  await page.getByLabel('Action').fill('{"blink": 3}');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('.history').getByText('{"blink":3}').waitFor();
  const story = page.locator('.history details').first();
  await story.getByText('succeeded').waitFor();
  await story.click();
  await story.locator('.timeline').getByText('dispatched').waitFor();
  await story.locator('.reasons').getByText(/\w/).first().waitFor();
  expect(page.errors).toEqual([]);
});

it('shows hostile names and values as text', async () => {
  const hostile = await connectDevice(fleet, 'hostile');
  await hostile.sendReading({ [HOSTILE]: `${HOSTILE}<script>window.attacked=1</script>`, light: 900 });
  await stack.online(fleet.name, 'hostile');
  for (const path of ['', '/devices', '/devices/hostile']) {
    const page = await open(fleetPath(path));
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('.map, [role=row], .values').first().waitFor();
    if (path !== '') await page.getByText(HOSTILE, { exact: true }).first().waitFor();
    expect(await page.evaluate('window.attacked')).toBeUndefined();
    expect(page.errors).toEqual([]);
  }
});

it.each(['light', 'dark'] as const)(
  'has no accessibility problem in the %s theme',
  async (colorScheme) => {
    const signIn = await openConsole(browser, stack.api.url, { colorScheme });
    await signIn.getByLabel('API key').waitFor();
    expect(await accessibilityProblems(signIn)).toEqual([]);
    for (const [path, ready] of [
      ['', '.map canvas'],
      ['/devices', '[role=row] a'],
      ['/devices/lamp-0001', '.plot canvas'],
      ['/commands', 'h1'],
      ['/rejected', 'h1'],
      ['/rollouts', 'h1'],
      ['/rollouts/new', '.preview li'],
      ['/rules', '.raised-share'],
      ['/rules/night-light', '.cm-content'],
      ['/new-rule', '.cm-content'],
    ] as const) {
      const page = await open(fleetPath(path), { colorScheme });
      await page.locator(ready).first().waitFor();
      await page.getByText('Live', { exact: true }).waitFor();
      expect([path, await accessibilityProblems(page)]).toEqual([path, []]);
    }
  },
  120_000,
);

it('has the theme of the system until the user chooses one, on the map too', async () => {
  const page = await open(fleetPath(), { colorScheme: 'dark' });
  const background = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const cell = () =>
    page.evaluate(
      "String(document.querySelector('.map canvas').getContext('2d').getImageData(1, 1, 1, 1).data)",
    );
  await page.locator('.map canvas').waitFor();
  await until(async () => (await cell()) !== '0,0,0,0', { what: 'a painted cell' });
  const darkCell = await cell();
  expect(await background()).toBe('rgb(13, 16, 21)');
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitemradio', { name: 'Light' }).click();
  await until(async () => (await cell()) !== darkCell, { what: 'the map in the light theme' });
  expect(await background()).toBe('rgb(244, 245, 248)');
});

it('has no horizontal scrolling on a phone', async () => {
  for (const path of [
    '',
    '/devices',
    '/devices/lamp-0001',
    '/commands',
    '/rejected',
    '/rollouts/new',
    '/rules',
    '/rules/night-light',
  ]) {
    const page = await open(fleetPath(path), { viewport: { width: 360, height: 740 } });
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('.map canvas, [role=row] a, .plot canvas, .page-bar, .page-header').first().waitFor();
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect([path, width]).toEqual([path, 360]);
  }
});
