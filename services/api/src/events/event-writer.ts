import { appendEvents, type LiveEvent } from '@lamplighter/store/events/events';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { BatchWriter } from '../store/batch-writer.js';
import { StoreLink } from '../store/store-link.js';

/** Appends live events. Lost ones are counted, because live events are a view, not the record. */
@Injectable()
export class EventWriter extends BatchWriter<LiveEvent> {
  constructor(link: StoreLink, metrics: ApiMetrics, errors: ApiErrors) {
    super(
      async (batch) => appendEvents(link.redis, batch),
      (count, error) => {
        metrics.eventsDropped.inc({ reason: 'store' }, count);
        if (error !== undefined && storeFailure(error) === undefined)
          errors.report('live_events', error, 'cannot write live events; dropping them');
      },
    );
  }
}
