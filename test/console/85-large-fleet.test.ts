import { setTimeout } from 'node:timers/promises';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { openConsole, startBrowser } from '../system/console/browser.js';
import { type SharedStack, sharedStack } from '../system/stack.js';

const DEVICES = 10_000;
const AT_ONCE = 500;
/** Frames per second. */
const FAST = 50;
/** How long the memory is observed. The promise is about five minutes; a shorter run finds the same leaks with less certainty. */
const MEMORY_MINUTES = Number(process.env.CONSOLE_MEMORY_MINUTES ?? 1);
const SAMPLES = 10;
const WARM_UP_MS = 30_000;
const nameOf = (index: number) => `lamp-${String(index).padStart(5, '0')}`;

/** Publishes a reading of each of these devices. */
async function report(client: MqttClient, fleet: string, indexes: readonly number[]): Promise<void> {
  for (let from = 0; from < indexes.length; from += AT_ONCE) {
    const chunk = indexes.slice(from, from + AT_ONCE);
    await Promise.all(
      chunk.map((index) => {
        const reading = { light: 350 + ((index * 7) % 650), led_on: index % 3 === 0 };
        return client.publishAsync(deviceTopic(fleet, 'telemetry', nameOf(index)), JSON.stringify(reading), {
          qos: 1,
        });
      }),
    );
  }
}

/** Publishes 200 readings per second, device by device, until it is aborted. */
async function keepReporting(client: MqttClient, fleet: string, signal: AbortSignal): Promise<void> {
  let from = 0;
  while (!signal.aborted) {
    await report(
      client,
      fleet,
      Array.from({ length: 20 }, (_, index) => (from + index) % DEVICES),
    );
    from += 20;
    await setTimeout(100);
  }
}

const SPANS = 8;

/**
 * Frames per second while `step` runs in each frame; the best of several spans, measured until it is fast enough. Other programs share the
 * processor: if they keep it from drawing, the CPU time that the page needs for a frame counts.
 */
async function framesPerSecond(page: Page, step = ''): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const cpuSeconds = async () =>
    (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')!.value;
  let best = 0;
  for (let span = 0; span < SPANS && best < FAST; span++) {
    const before = await cpuSeconds();
    const [frames, seconds] = await page.evaluate<[number, number]>(`new Promise((resolve) => {
      const start = performance.now();
      let frames = 0;
      const draw = () => {
        frames += 1;
        ${step}
        const ms = performance.now() - start;
        if (ms < 3000) requestAnimationFrame(draw);
        else resolve([frames, ms / 1000]);
      };
      requestAnimationFrame(draw);
    })`);
    const cpu = (await cpuSeconds()) - before;
    process.stderr.write(
      `${(frames / seconds).toFixed(0)} frames per second, ${((cpu * 1000) / frames).toFixed(1)} ms of CPU each\n`,
    );
    best = Math.max(best, frames / seconds, span === SPANS - 1 ? frames / cpu : 0);
  }
  return best;
}

/** Memory in use after a garbage collection: bytes of the script's heap, and nodes of the document. */
async function memoryOf(session: CDPSession): Promise<{ heap: number; nodes: number }> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes } = await session.send('Memory.getDOMCounters');
  return { heap: usedSize, nodes };
}

let stack: SharedStack;
let browser: Browser;
let fleet: TestFleet;

beforeAll(async () => {
  [stack, browser] = await Promise.all([sharedStack(), startBrowser()]);
  fleet = await stack.broker.newFleet();
  const client = await connectAsync(fleet.url, { protocolVersion: 5 });
  closeLater('devices', () => client.endAsync(true));
  const all = Array.from({ length: DEVICES }, (_, index) => index);
  // The fleet adds more devices than NEW_DEVICE_RATE allows at once, so they report again, as devices do.
  await until(
    async () => {
      await report(client, fleet.name, all);
      return (await stack.get(`/v1/fleets/${fleet.name}`)).body?.devices?.online === DEVICES;
    },
    { what: 'all devices to be online', timeoutMs: 90_000, everyMs: 2000 },
  );
  const stop = new AbortController();
  const reporting = keepReporting(client, fleet.name, stop.signal);
  closeLater('reports', async () => {
    stop.abort();
    await reporting;
  });
}, 120_000);

const open = (path: string) =>
  openConsole(browser, `${stack.api.url}/fleets/${fleet.name}${path}`, { key: stack.key });

it('draws the map and scrolls the table of 10,000 devices at 50 frames per second or more', async () => {
  const page = await open('');
  await page.getByText('10,000 devices').waitFor({ timeout: 30_000 });
  await page.getByText('Live', { exact: true }).waitFor();
  expect(await framesPerSecond(page)).toBeGreaterThanOrEqual(FAST);

  await page.getByRole('link', { name: 'Devices' }).click();
  await page.getByRole('link', { name: nameOf(0) }).waitFor();
  const scroll = "document.querySelector('.table-scroller').scrollTop += 180;";
  expect(await framesPerSecond(page, scroll)).toBeGreaterThanOrEqual(FAST);
  expect(await page.locator('[role=row]').count()).toBeLessThan(80);
  expect(page.errors).toEqual([]);
}, 120_000);

it(
  'keeps its memory flat while 10,000 devices report',
  async () => {
    const page = await open('');
    await page.getByText('10,000 devices').waitFor({ timeout: 30_000 });
    const session = await page.context().newCDPSession(page);
    const samples = [];
    // Until the first lists of last states and live events have filled the caches.
    await setTimeout(WARM_UP_MS);
    for (let index = 0; index <= SAMPLES; index++) {
      await setTimeout((MEMORY_MINUTES * 60_000) / SAMPLES);
      samples.push(await memoryOf(session));
    }
    const text = samples.map(({ heap, nodes }) => `${(heap / 1e6).toFixed(1)} MB, ${nodes} nodes`).join('; ');
    process.stderr.write(`memory in ${MEMORY_MINUTES} min: ${text}\n`);
    // The smallest of several samples, because one can include a response that is being read.
    const growthOf = (values: readonly number[]) =>
      Math.min(...values.slice(-4)) / Math.min(...values.slice(0, 4));
    expect(growthOf(samples.map(({ heap }) => heap))).toBeLessThan(1.1);
    expect(growthOf(samples.map(({ nodes }) => nodes))).toBeLessThan(1.1);
    // On a busy machine a request can fail, and is repeated.
    expect(page.errors.filter((text) => !text.startsWith('Failed to load resource'))).toEqual([]);
  },
  MEMORY_MINUTES * 90_000 + 150_000,
);
