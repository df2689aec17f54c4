import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Bed, makeBed } from '../bed/bed.js';
import { freePort } from '../bed/free-port.js';
import { startLamplighter } from '../bed/lamplighter.js';
import type { Service } from '../bed/service.js';
import { median } from '../measure/statistics.js';
import { measure, type Setting } from '../scenarios/measure.js';

/** CPU seconds of the rules service per million readings, one number per trial. */
export type Costs = ReadonlyMap<string, readonly number[]>;

/** Prometheus scrapes this often, milliseconds. */
const SCRAPE_MS = 5000;

/** What is compared; the first is the service as it is shipped. */
export const SHIPPED = 'as shipped, scraped every 5 s';
export const WITHOUT = 'no metrics, no log';
export const DEBUG = 'as shipped, LOG_LEVEL=debug';

/**
 * Measures the service with and without metrics and logs at the same rate, in turn; who begins alternates.
 * @throws Error if the service did not keep up: its numbers mean nothing
 */
export async function measureCost(
  folder: string,
  setting: Setting,
  load: { rate: number; seconds: number; rounds: number },
): Promise<Costs> {
  const beds: Bed[] = [];
  const costs = new Map<string, number[]>([SHIPPED, WITHOUT, DEBUG].map((name) => [name, []]));
  try {
    beds.push(await openBed(folder, SHIPPED, { LOG_LEVEL: 'info' }));
    beds.push(
      await openBed(folder, WITHOUT, { LOG_LEVEL: 'silent', NODE_OPTIONS: preload('without-metrics') }),
    );
    beds.push(await openBed(folder, DEBUG, { LOG_LEVEL: 'debug' }));
    for (let round = 0; round < load.rounds; round += 1) {
      for (const bed of round % 2 === 0 ? beds : beds.toReversed()) {
        const { cpuPerMillion, lost, staleStates, trial } = await measure(bed, setting, load);
        // Without metrics the service cannot say what it has stored; the last states tell in every case.
        if (trial.aborted || lost > 0 || staleStates > 0) {
          throw new Error(`${bed.name} does not keep up: ${lost} readings lost, ${staleStates} states stale`);
        }
        costs.get(bed.name)!.push(cpuPerMillion.service!);
      }
    }
    return costs;
  } finally {
    for (const bed of beds) await bed.stop();
  }
}

/** The share of the shipped service's CPU that metrics and logs are. */
export function shareOf(costs: Costs): number {
  const [shipped, without] = [SHIPPED, WITHOUT].map((name) => median(costs.get(name) ?? []));
  return 1 - without! / shipped!;
}

/** `--import` of one of the files beside this one. */
export function preload(name: 'without-metrics' | 'loop-probe'): string {
  return `--import=${new URL(`./${name}.js`, import.meta.url).href}`;
}

async function openBed(folder: string, name: string, env: NodeJS.ProcessEnv): Promise<Bed> {
  const own = join(folder, name.replace(/\W+/g, '-'));
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const start = async (surroundings: Parameters<typeof startLamplighter>[0]): Promise<Service> => {
    const service = await startLamplighter(surroundings, undefined, { env, port });
    if (name === WITHOUT) return { ...service, pid: service.pid, counts: () => Promise.resolve(NOT_COUNTED) };
    const scraping = setInterval(() => void scrape(port), SCRAPE_MS);
    return withEnd(service, () => clearInterval(scraping));
  };
  return makeBed({ name, start, qos: 0, durability: 'require', folder: own });
}

const NOT_COUNTED = { stored: Number.NaN, dropped: Number.NaN };

function withEnd(service: Service, end: () => void): Service {
  return {
    pid: service.pid,
    get alive() {
      return service.alive;
    },
    counts: () => service.counts(),
    lastSeqs: (fleet, devices) => service.lastSeqs(fleet, devices),
    stop() {
      end();
      return service.stop();
    },
  };
}

async function scrape(port: number): Promise<void> {
  await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (answer) => answer.text(),
    () => undefined,
  );
}
