import type { UnexpectedErrors } from '@lamplighter/service-kit/unexpected-errors';
import { isStoreFailure } from '../problems/store-failure.js';

/** Scrapes within this time, milliseconds, share one read, which bounds the load on Redis. */
const CACHE_MS = 2000;

/** A value for metrics that is read from Redis when Prometheus scrapes; undefined while Redis is unavailable. */
export class ScrapedValue<T> {
  private value: Promise<T | undefined> | undefined;
  private readAt = 0;

  constructor(
    private readonly fetch: () => Promise<T>,
    private readonly errors: UnexpectedErrors<'metrics'>,
  ) {}

  read(): Promise<T | undefined> {
    if (this.value === undefined || performance.now() - this.readAt > CACHE_MS) {
      this.readAt = performance.now();
      this.value = this.fetchOrReport();
    }
    return this.value;
  }

  private async fetchOrReport(): Promise<T | undefined> {
    try {
      return await this.fetch();
    } catch (error) {
      if (!isStoreFailure(error))
        this.errors.report('metrics', error, 'cannot read a metric; omitting it from the scrape');
      return undefined;
    }
  }
}
