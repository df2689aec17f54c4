import { appendEvents, type LiveEvent } from '@lamplighter/store/events/events';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { StoreLink } from '../store/store-link.js';

/** Queued events; beyond this they are dropped and counted, because live events are a view, not the record. */
const MAX_WAITING = 5000;
const MAX_BATCH = 500;

/** Appends live events in batches. Requests do not wait for it. */
@Injectable()
export class EventWriter {
  private readonly waiting: LiveEvent[] = [];
  private writing: Promise<void> | undefined;

  constructor(
    private readonly link: StoreLink,
    private readonly metrics: ApiMetrics,
    private readonly errors: ApiErrors,
  ) {}

  append(event: LiveEvent): void {
    if (this.waiting.length >= MAX_WAITING) this.metrics.eventsDropped.inc({ reason: 'store' });
    else this.waiting.push(event);
    this.writing ??= this.write();
  }

  /** Resolves when everything appended so far is written or dropped. */
  async drain(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private async write(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, MAX_BATCH);
      try {
        await appendEvents(this.link.redis, batch);
      } catch (error) {
        if (storeFailure(error) === undefined)
          this.errors.report('live_events', error, 'cannot write live events; dropping them');
        this.metrics.eventsDropped.inc({ reason: 'store' }, batch.length);
      }
    }
    this.writing = undefined;
  }
}
