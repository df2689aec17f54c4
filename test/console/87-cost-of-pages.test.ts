import { until } from '@lamplighter/test-kit/until';
import type { Browser, Page } from 'playwright-core';
import { connectLamps } from '../system/acknowledging-lamps.js';
import { openConsole, startBrowser } from '../system/console/browser.js';
import { type SharedStack, sharedStack } from '../system/stack.js';

/** Compressed script that one page may load, bytes. */
const MAX_SCRIPT = 250_000;
/** The promise is one second. The bound leaves room for a busy machine; the measured time is printed. */
const MAX_PAINT_MS = 3000;

let stack: SharedStack;
let browser: Browser;
let base: string;
let fleet: string;

beforeAll(async () => {
  [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
  const newFleet = await stack.broker.newFleet();
  fleet = newFleet.name;
  base = `${stack.api.url}/fleets/${fleet}`;
  await connectLamps(newFleet, [{ device: 'lamp-0001', light: 900, acknowledgement: 'succeeded' }]);
  await stack.online(fleet, 'lamp-0001');
}, 60_000);

const open = (path: string) => openConsole(browser, `${base}${path}`, { key: stack.key });

/** Bytes of compressed script that the page has loaded. */
const scriptOf = (page: Page) =>
  page.evaluate<number>(
    `performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`,
  );

it('loads at most 250 kB of compressed script for any page', async () => {
  const sizes = new Map<string, number>();
  for (const [path, ready] of [
    ['', '.map canvas'],
    ['/devices', '[role=row] a'],
    ['/devices/lamp-0001', '.plot canvas'],
    ['/commands', 'h1'],
    ['/rejected', 'h1'],
    ['/rollouts/new', '.preview li'],
    ['/rules', '.raised-share'],
    ['/rules/night-light', '.cm-content'],
  ] as const) {
    const page = await open(path);
    await page.locator(ready).first().waitFor();
    sizes.set(path, await scriptOf(page));
  }
  const text = [...sizes].map(([path, size]) => `${path || '/'} ${(size / 1000).toFixed(0)} kB`).join(', ');
  process.stderr.write(`script of each page: ${text}\n`);
  expect(Math.max(...sizes.values())).toBeLessThanOrEqual(MAX_SCRIPT);
  expect(Math.min(...sizes.values())).toBeGreaterThan(0);
}, 120_000);

it('paints first within three seconds without a cache', async () => {
  const times: number[] = [];
  for (let load = 0; load < 5; load++) {
    const page = await open('');
    const paint = `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0`;
    times.push(await until(() => page.evaluate<number>(paint), { what: 'the first paint' }));
    await page.context().close();
  }
  process.stderr.write(`first paint after ${times.map((ms) => ms.toFixed(0)).join(', ')} ms\n`);
  expect(Math.min(...times)).toBeLessThan(MAX_PAINT_MS);
}, 60_000);

it('reads a command and a rollout no longer once they have ended', async () => {
  const command = await stack.send('POST', `/v1/fleets/${fleet}/devices/lamp-0001/commands`, {
    action: { chime: 1 },
  });
  const rollout = await stack.send('POST', `/v1/fleets/${fleet}/commands`, {
    action: { chime: 2 },
    selector: {},
    rate: 10,
  });
  const pages = [
    { path: `/commands/${command.body.id}`, ended: 'succeeded' },
    { path: `/rollouts/${rollout.body.id}`, ended: 'done' },
  ];
  for (const { path, ended } of pages) {
    const page = await open(path);
    await page.locator('.facts').getByText(ended).waitFor();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    const others = () => requests.filter((each) => each === '/v1/fleets').length;
    // Two reads of the fleets, ten seconds apart, take longer than an open command or a running rollout is left alone.
    await until(() => others() >= 2, { what: 'the page to read other resources', timeoutMs: 40_000 });
    expect(requests.filter((each) => each.startsWith(`/v1${path}`))).toEqual([]);
  }
}, 120_000);

it('says why it is not live if the key may not use the fleet', async () => {
  const { body } = await stack.send('POST', '/v1/keys', {
    name: 'other',
    scopes: ['read'],
    fleets: ['other'],
  });
  const page = await openConsole(browser, base, { key: body.key });
  await page
    .getByRole('alert')
    .getByText(/This page is not live: Your API key may not use fleet/)
    .waitFor();
});
