import { setTimeout as delay } from 'node:timers/promises';
import { launchService, untilReady } from '@lamplighter/native/service';
import type { Server } from '@lamplighter/native/serving';
import { createApiKey } from '@lamplighter/store/api-keys';
import { Redis } from 'ioredis';
import { type Bed, FLEET, makeBed } from '../bed/bed.js';
import { freePort } from '../bed/free-port.js';
import { startLamplighter } from '../bed/lamplighter.js';
import { HttpConnection } from '../commands/http-connection.js';
import { deviceName } from '../load/readings.js';
import { median, percentile } from '../measure/statistics.js';
import type { Setting } from '../scenarios/measure.js';
import { preload } from './cost.js';

/** What scraping one service under load did. Milliseconds. */
export interface ScrapeFindings {
  readonly service: 'rules' | 'api';
  readonly scrapes: number;
  readonly bytes: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Longest hold of the event loop in a second: the median of the seconds without and of those with scrapes. */
  readonly quietHoldMs: number;
  readonly scrapedHoldMs: number;
}

/** Scrapes in a second of scraping; Prometheus makes one in five seconds. */
const SCRAPES_PER_SECOND = 5;
/** Connections that read last states from the API, each as fast as it is answered. */
const READERS = 4;

/**
 * Puts rules and api of one bed under full load at the same time, readings on the one and requests on the other, and scrapes both
 * every other second. What a scrape holds up is the difference between those seconds: the load holds the loop up by itself.
 */
export async function measureScrapes(
  folder: string,
  setting: Setting,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<ScrapeFindings[]> {
  const stand = await openStand(folder);
  const { bed, api, key } = stand;
  try {
    await bed.settle();
    const { generator, qos, devices, connections, crossingEvery, warmUpSeconds } = setting;
    const from = warmUpSeconds * 1000;
    const until = (warmUpSeconds + seconds) * 1000;
    const trial = generator.run({
      ...{ mqttUrl: bed.mqttUrl, fleet: FLEET, devices, connections, qos, crossingEvery, pids: bed.pids },
      stretches: [{ rate, seconds: warmUpSeconds + seconds }],
      measureFromMs: from,
      measureToMs: until,
      drainMs: 3000,
    });
    const readers = new AbortController();
    const reading = readStates(api.port, key, devices, readers.signal);
    await delay(from);
    const found = await Promise.all([
      watch('rules', stand.rulesPort, stand.probes.rules, seconds),
      watch('api', api.port, stand.probes.api, seconds),
    ]);
    readers.abort();
    const [{ sent, unsent }, answered] = await Promise.all([trial, reading]);
    setting.log(
      `${sent} readings sent, ${unsent} not taken by the broker, ${answered} requests answered meanwhile`,
    );
    return found;
  } finally {
    await api.stop();
    await bed.stop();
  }
}

interface Stand {
  readonly bed: Bed;
  readonly api: Server;
  readonly key: string;
  readonly rulesPort: number;
  readonly probes: { readonly rules: number; readonly api: number };
}

async function openStand(folder: string): Promise<Stand> {
  const [rulesPort, rulesProbe, apiPort, apiProbe] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const observed = (probe: number) => ({
    LOG_LEVEL: 'info',
    NODE_OPTIONS: preload('loop-probe'),
    PROBE_PORT: String(probe),
  });
  let redisUrl = '';
  const bed = await makeBed({
    name: 'scraped',
    start: (surroundings) => {
      redisUrl = surroundings.redisUrl;
      return startLamplighter(surroundings, undefined, { env: observed(rulesProbe), port: rulesPort });
    },
    qos: 0,
    durability: 'require',
    folder,
  });
  const store = new Redis(redisUrl);
  const key = await createApiKey(store);
  store.disconnect();
  const env = { PATH: process.env.PATH, REDIS_URL: redisUrl, ...observed(apiProbe) };
  const api = launchService({ name: 'api', port: apiPort, logFile: `${folder}/api.log`, env });
  await untilReady(api);
  return { bed, api, key, rulesPort, probes: { rules: rulesProbe, api: apiProbe } };
}

/** Every other second is scraped; the event loop is asked after each. */
async function watch(
  service: 'rules' | 'api',
  port: number,
  probe: number,
  seconds: number,
): Promise<ScrapeFindings> {
  const tookMs: number[] = [];
  const holds: { quiet: number[]; scraped: number[] } = { quiet: [], scraped: [] };
  let bytes = 0;
  await longestHold(probe);
  for (let second = 0; second < seconds; second += 1) {
    const end = performance.now() + 1000;
    const isQuiet = second % 2 === 0;
    for (let i = 0; !isQuiet && i < SCRAPES_PER_SECOND; i += 1) {
      const since = performance.now();
      bytes = (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).length;
      tookMs.push(performance.now() - since);
      await delay(Math.max(0, 1000 / SCRAPES_PER_SECOND - (performance.now() - since)));
    }
    await delay(Math.max(0, end - performance.now()));
    holds[isQuiet ? 'quiet' : 'scraped'].push(await longestHold(probe));
  }
  return {
    service,
    scrapes: tookMs.length,
    bytes,
    medianMs: median(tookMs),
    p99Ms: percentile(tookMs, 0.99),
    maxMs: percentile(tookMs, 1),
    quietHoldMs: median(holds.quiet),
    scrapedHoldMs: median(holds.scraped),
  };
}

async function longestHold(probe: number): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${probe}/`)).text());
}

/** Reads last states until told to stop; returns how many requests were answered. */
async function readStates(port: number, key: string, devices: number, stop: AbortSignal): Promise<number> {
  let asked = 0;
  const read = async () => {
    const connection = await HttpConnection.open(port);
    while (!stop.aborted) {
      asked += 1;
      await connection.ask(
        `GET /v1/fleets/${FLEET}/devices/${deviceName(asked % devices)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`,
      );
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return asked;
}
