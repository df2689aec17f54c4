import { whenScraped } from '@lamplighter/service-kit/metrics';
import { countAllDevices } from '@lamplighter/store/fleets/fleets';
import type { ApiErrors } from '../foundation/api-errors.js';
import { type ApiMetrics, DEVICE_COUNT_STATES } from '../metrics/api-metrics.js';
import { ScrapedValue } from '../metrics/scraped-value.js';
import type { StoreLink } from '../store/store-link.js';

/** Counts devices when scraped. While Redis is unavailable there is no value rather than an old one. */
export function exposeDevices(metrics: ApiMetrics, link: StoreLink, errors: ApiErrors): void {
  const counts = new ScrapedValue(async () => countAllDevices(link.redis), errors);
  whenScraped(metrics.devices, async (gauge) => {
    const counted = await counts.read();
    if (counted === undefined) gauge.reset();
    else for (const state of DEVICE_COUNT_STATES) gauge.set({ state }, counted[state]);
  });
}
