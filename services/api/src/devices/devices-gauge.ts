import { whenScraped } from '@lamplighter/service-kit/metrics';
import { type AllDeviceCounts, countAllDevices } from '@lamplighter/store/fleets/fleets';
import { type ApiMetrics, DEVICE_COUNT_STATES } from '../metrics/api-metrics.js';
import type { StoreLink } from '../store/store-link.js';

/** Scrapes within this time, milliseconds, share one count, which bounds the load on Redis. */
const CACHE_MS = 2000;

/** Counts devices when scraped. While Redis is unavailable there is no value rather than an old one. */
export function exposeDevices(metrics: ApiMetrics, link: StoreLink): void {
  let counts: Promise<AllDeviceCounts | undefined> | undefined;
  let countedAt = 0;
  whenScraped(metrics.devices, async (gauge) => {
    if (counts === undefined || performance.now() - countedAt > CACHE_MS) {
      countedAt = performance.now();
      counts = count(link);
    }
    const counted = await counts;
    if (counted === undefined) gauge.reset();
    else for (const state of DEVICE_COUNT_STATES) gauge.set({ state }, counted[state]);
  });
}

async function count(link: StoreLink): Promise<AllDeviceCounts | undefined> {
  try {
    return await countAllDevices(link.redis);
  } catch {
    return undefined;
  }
}
