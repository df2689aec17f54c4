import { show, whenScraped } from '@lamplighter/service-kit/metrics';
import { OpenCommandCounter, type OpenCommands } from '@lamplighter/store/open-commands/open-commands';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import type { StoreLink } from '../store/store-link.js';

/** Scrapes within this time, milliseconds, share one survey. */
const CACHE_MS = 2000;

/** Counts open commands when scraped, and reports the age of the oldest. While Redis is unavailable there are no values. */
export function exposeOpenCommands(metrics: ApiMetrics, link: StoreLink): void {
  const survey = new OpenCommandCounter();
  let open: Promise<OpenCommands | undefined> | undefined;
  let readAt = 0;
  const cachedSurvey = () => {
    if (open === undefined || performance.now() - readAt > CACHE_MS) {
      readAt = performance.now();
      open = read(survey, link);
    }
    return open;
  };
  whenScraped(metrics.commandsPending, async (gauge) => {
    const found = await cachedSurvey();
    gauge.reset();
    if (found === undefined) return;
    gauge.set({ state: 'due' }, found.due);
    gauge.set({ state: 'waiting' }, found.waiting);
  });
  whenScraped(metrics.oldestPending, async (gauge) => {
    const found = await cachedSurvey();
    show(gauge, found && found.oldestAgeMs / 1000);
  });
}

async function read(survey: OpenCommandCounter, link: StoreLink): Promise<OpenCommands | undefined> {
  try {
    return await survey.read(link.redis);
  } catch {
    return undefined;
  }
}
