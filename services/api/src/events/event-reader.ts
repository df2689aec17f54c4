import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { currentValue } from '@lamplighter/service-kit/config';
import { eventsAfter, lastEventId, readEvents, type StoredEvent } from '@lamplighter/store/events/events';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { Inject, Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import type { Config } from '../foundation/config.js';
import { CONFIG } from '../foundation/tokens.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';
import { isAfter } from './stream-position.js';

/** The blocking read waits this long, milliseconds; shorter than the store's command timeout. */
const BLOCK_MS = 2000;
/** After a read of this many events, more may follow. */
const FULL_READ = 500;
const BURST_BYTES = 32 * 1024;
const RETRY: Backoff = { firstMs: 100, maxMs: 2000 };

/** A consumer of live events. */
export interface EventListener {
  /** Handles an event, in order. Returns roughly how many bytes were sent because of it, so that a burst is split into turns. */
  handle(stored: StoredEvent): number;
  /** Events may be missing here: Redis was unavailable to writers; or, if `isTrimmed`, some were trimmed before they were read. */
  interrupted(isTrimmed: boolean): void;
}

/**
 * Reads the stream of live events once for all listeners of this process, on one blocking connection. Reads only while there are
 * listeners.
 */
@Injectable()
export class EventReader {
  private readonly listeners = new Set<EventListener>();
  private redis: Redis | undefined;
  /** A read of the newest event in progress. */
  private newest: Promise<string> | undefined;
  private isUp: Promise<void> | undefined;
  private isClosed = false;
  /** The connection was down since the last read, or before the first one. */
  private isCut = false;
  /** The last event that was read; undefined while there are no listeners. */
  position: string | undefined;

  constructor(
    private readonly link: StoreLink,
    @Inject(CONFIG) private readonly config: Config,
    private readonly errors: ApiErrors,
  ) {}

  /** Delivers every event from now on to the listener; resolves when it is subscribed. */
  async listen(listener: EventListener): Promise<void> {
    if (this.position === undefined) {
      this.newest ??= lastEventId(this.link.redis).finally(() => {
        this.newest = undefined;
      });
      this.listenFrom(listener, await this.newest);
    } else this.listeners.add(listener);
  }

  /** As `listen`, but synchronously, starting after `from` unless the reader is already further. */
  listenFrom(listener: EventListener, from: string): void {
    this.listeners.add(listener);
    if (this.position === undefined && !this.isClosed) void this.read(from);
  }

  leave(listener: EventListener): void {
    this.listeners.delete(listener);
  }

  close(): void {
    this.isClosed = true;
    this.redis?.disconnect();
  }

  private async read(from: string): Promise<void> {
    this.position = from;
    this.isCut = false;
    const redis = await this.connected();
    let failures = 0;
    while (this.listeners.size > 0 && !this.isClosed) {
      try {
        const before: string = this.position;
        const events = await readEvents(redis, before, BLOCK_MS);
        const wasCut = this.isCut || failures > 0;
        if (wasCut || events.length >= FULL_READ) {
          const isTrimmed = await this.isTrimmedAfter(before);
          this.isCut = false;
          if (wasCut || isTrimmed) for (const listener of this.listeners) listener.interrupted(isTrimmed);
        }
        failures = 0;
        await this.deliver(events);
      } catch (error) {
        if (this.isClosed) break;
        if (!isStoreFailure(error))
          this.errors.report('event_stream', error, 'cannot read live events; retrying');
        failures += 1;
        await new Promise((resolve) => {
          setTimeout(resolve, backoffMs(failures, RETRY));
        });
      }
    }
    this.position = undefined;
  }

  /** The connection, once it is established for the first time. */
  private async connected(): Promise<Redis> {
    this.isUp ??= new Promise((resolve) => {
      this.redis = connectRedis(this.config.REDIS_URL, 'api-events', {
        ca: this.config.REDIS_CA,
        readUrl: () => currentValue('REDIS_URL'),
        onUp: resolve,
        onDown: () => {
          this.isCut = true;
        },
      });
    });
    await this.isUp;
    return this.redis!;
  }

  private async deliver(events: readonly StoredEvent[]): Promise<void> {
    let bytes = 0;
    for (const stored of events) {
      this.position = stored.id;
      for (const listener of this.listeners) bytes += listener.handle(stored);
      if (bytes < BURST_BYTES) continue;
      // Sockets are flushed between turns of the event loop; a burst must not look like a slow client.
      await new Promise((resolve) => setImmediate(resolve));
      bytes = 0;
    }
  }

  private async isTrimmedAfter(position: string): Promise<boolean> {
    if (position === '0-0') return false; // there was no event at all
    const [oldest] = await eventsAfter(this.link.redis, '0-0', 1);
    return oldest !== undefined && isAfter(oldest.id, position);
  }
}
