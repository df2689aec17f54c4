import type { Logger } from '@lamplighter/service-kit/logger';
import type { Redis } from '@lamplighter/store/connect';
import { appendEvents, type LiveEvent } from '@lamplighter/store/events';
import { Inject, Injectable } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { LOGGER, REDIS } from '../tokens.js';

/** Telemetry events per second and replica. Commands and presence are always told. */
const TELEMETRY_PER_SECOND = 50;
/** Calls under way; beyond it events are dropped and counted, for they are a view and not the record. */
const MAX_CALLS = 8;

/** What watchers of the live view are told. Nothing waits for it. */
@Injectable()
export class LiveEventsService {
  private second = 0;
  private shown = 0;
  private calls = 0;
  private lastFailure = '';

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: RulesMetrics,
  ) {}

  /** True while this second's sample of telemetry has room. */
  mayShowTelemetry(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.shown = 0;
    }
    this.shown += 1;
    if (this.shown <= TELEMETRY_PER_SECOND) return true;
    this.metrics.eventsDropped.inc({ reason: 'sampled' });
    return false;
  }

  append(events: readonly LiveEvent[]): void {
    if (events.length === 0) return;
    if (this.calls >= MAX_CALLS) {
      this.metrics.eventsDropped.inc({ reason: 'store' }, events.length);
      return;
    }
    this.calls += 1;
    appendEvents(this.redis, events)
      .then(
        () => this.metrics.storeOperations.inc({ op: 'events', result: 'ok' }),
        () => {
          this.metrics.storeOperations.inc({ op: 'events', result: 'error' });
          this.metrics.eventsDropped.inc({ reason: 'store' }, events.length);
        },
      )
      .finally(() => {
        this.calls -= 1;
      });
  }

  /** Says once per kind of failure that readings wait for Redis. */
  storeFailed(error: Error): void {
    if (error.message === this.lastFailure) return;
    this.lastFailure = error.message;
    this.logger.warn(
      { reason: error.message },
      'Redis does not take readings; they wait, and the broker is held back',
    );
  }

  /** A reading that the store's script cannot take is a bug of ours. */
  poisoned(device: string, error: Error): void {
    this.logger.error(
      { device, reason: error.message },
      'the store failed on a device; its readings of this batch are lost',
    );
  }
}
