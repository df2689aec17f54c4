import { show, whenScraped } from '@lamplighter/service-kit/metrics';
import { OpenCommandCounter } from '@lamplighter/store/open-commands/open-commands';
import type { ApiErrors } from '../foundation/api-errors.js';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { ScrapedValue } from '../metrics/scraped-value.js';
import type { StoreLink } from '../store/store-link.js';

/** Counts open commands when scraped, and reports the age of the oldest. While Redis is unavailable there are no values. */
export function exposeOpenCommands(metrics: ApiMetrics, link: StoreLink, errors: ApiErrors): void {
  const counter = new OpenCommandCounter();
  const open = new ScrapedValue(async () => counter.read(link.redis), errors);
  whenScraped(metrics.commandsPending, async (gauge) => {
    const found = await open.read();
    gauge.reset();
    if (found === undefined) return;
    gauge.set({ state: 'due' }, found.due);
    gauge.set({ state: 'waiting' }, found.waiting);
  });
  whenScraped(metrics.oldestPending, async (gauge) => {
    const found = await open.read();
    show(gauge, found && found.oldestAgeMs / 1000);
  });
}
