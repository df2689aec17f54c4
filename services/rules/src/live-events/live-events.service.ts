import { appendEvents, type LiveEvent } from '@lamplighter/store/events/events';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { type Measured, MeasurementNames } from '@lamplighter/store/telemetry/measurement-names';
import { Inject, Injectable } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { REDIS } from '../tokens.js';

/** Telemetry events per second and replica. Events of commands and presence are not sampled. */
const TELEMETRY_PER_SECOND = 50;
/**
 * Events are collected for this long, because each call costs Redis a write to disk, and wakes each api that has viewers. Telemetry waits
 * longer, unless another event is written earlier. Milliseconds.
 */
const COLLECT_MS = 50;
const COLLECT_TELEMETRY_MS = 250;
/** Maximum number of events that wait; more are dropped and counted. */
const MAX_WAITING = 2000;

/** Appends live events in the background. */
@Injectable()
export class LiveEventsService {
  private second = 0;
  private sampled = 0;
  private waiting: LiveEvent[] = [];
  private isWriting = false;
  private timer: NodeJS.Timeout | undefined;
  /** When the timer writes the events, monotonic time in ms. */
  private writesAt = Number.POSITIVE_INFINITY;
  private readonly names: MeasurementNames;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
  ) {
    this.names = new MeasurementNames(redis);
  }

  /** Takes one of this second's telemetry events. @returns false if the limit is reached */
  takeTelemetrySample(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.sampled = 0;
    }
    this.sampled += 1;
    if (this.sampled <= TELEMETRY_PER_SECOND) return true;
    this.metrics.eventsDropped.inc({ reason: 'sampled' });
    return false;
  }

  append(events: readonly LiveEvent[]): void {
    if (events.length === 0) return;
    const room = MAX_WAITING - this.waiting.length;
    this.waiting.push(...events.slice(0, room));
    if (events.length > room) this.metrics.eventsDropped.inc({ reason: 'store' }, events.length - room);
    this.writeWithin(events.every(isMeasured) ? COLLECT_TELEMETRY_MS : COLLECT_MS);
  }

  private writeWithin(ms: number): void {
    const at = performance.now() + ms;
    if (this.isWriting || at >= this.writesAt) return;
    clearTimeout(this.timer);
    this.writesAt = at;
    this.timer = setTimeout(() => void this.write(), ms);
  }

  /** Writes the events that wait; events that arrive meanwhile are written after another pause. */
  private async write(): Promise<void> {
    this.isWriting = true;
    const events = this.waiting;
    this.waiting = [];
    await this.store(events);
    this.isWriting = false;
    this.writesAt = Number.POSITIVE_INFINITY;
    if (this.waiting.length > 0) this.writeWithin(COLLECT_MS);
  }

  private async store(events: readonly LiveEvent[]): Promise<void> {
    try {
      await this.metrics.storeCall('events', () => appendEvents(this.redis, events));
    } catch (error) {
      this.reportUnexpected(error);
      this.metrics.eventsDropped.inc({ reason: 'store' }, events.length);
      return;
    }
    // Telemetry events also show which measurements a fleet has; names that cannot be written are written with a later reading.
    await this.names
      .record(events.filter(isMeasured))
      .catch((error: unknown) => this.reportUnexpected(error));
  }

  private reportUnexpected(error: unknown): void {
    if (storeFailure(error) === undefined)
      this.unexpected.report('live_events', error, 'cannot write live events; dropping them');
  }
}

function isMeasured(event: LiveEvent): event is LiveEvent & Measured {
  return event.type === 'telemetry';
}
