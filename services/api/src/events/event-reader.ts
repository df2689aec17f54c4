import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { eventsAfter, lastEventId, readEvents, type StoredEvent } from '@lamplighter/store/events/events';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config.js';
import { StoreLink } from '../store/store-link.js';
import { CONFIG } from '../tokens.js';
import { isAfter } from './stream-position.js';

/** The blocking read waits this long, milliseconds; shorter than the store's command timeout. */
const BLOCK_MS = 2000;
/** A read of this many events may have more behind it. */
const FULL_READ = 500;
const BURST_BYTES = 32 * 1024;
const RETRY: Backoff = { firstMs: 100, maxMs: 2000 };

/** Somebody who wants to know what happens. */
export interface EventListener {
  /** An event, in order. Returns about how many bytes it made somebody send, so that a burst is cut into turns. */
  told(stored: StoredEvent): number;
  /** Events may be missing here: Redis was away for whoever writes them; or `isTrimmed`, some left the stream before they were read. */
  interrupted(isTrimmed: boolean): void;
}

/**
 * Reads the stream of events once for everybody in this process: one blocking connection. It reads only while somebody
 * listens.
 */
@Injectable()
export class EventReader {
  private readonly listeners = new Set<EventListener>();
  private redis: Redis | undefined;
  /** The newest event, while somebody asks for it. */
  private newest: Promise<string> | undefined;
  private isUp: Promise<void> | undefined;
  private isClosed = false;
  /** The connection was down since the last read, or before the first one. */
  private isCut = false;
  /** The last event that was read; undefined while nobody listens. */
  position: string | undefined;

  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Tells the listener of every event from now on; settles when that is so. */
  async listen(listener: EventListener): Promise<void> {
    if (this.position === undefined) {
      this.newest ??= lastEventId(this.link.redis).finally(() => {
        this.newest = undefined;
      });
      this.listenFrom(listener, await this.newest);
    } else this.listeners.add(listener);
  }

  /** As `listen`, but at once: what is after `from` is told, unless the reader is further already. */
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
        await this.tell(events);
      } catch {
        if (this.isClosed) break;
        failures += 1;
        await new Promise((resolve) => {
          setTimeout(resolve, backoffMs(failures, RETRY));
        });
      }
    }
    this.position = undefined;
  }

  /** The connection, once it stands for the first time. */
  private async connected(): Promise<Redis> {
    this.isUp ??= new Promise((resolve) => {
      this.redis = connectRedis(this.config.REDIS_URL, 'api-events', {
        onUp: resolve,
        onDown: () => {
          this.isCut = true;
        },
      });
    });
    await this.isUp;
    return this.redis!;
  }

  private async tell(events: readonly StoredEvent[]): Promise<void> {
    let bytes = 0;
    for (const stored of events) {
      this.position = stored.id;
      for (const listener of this.listeners) bytes += listener.told(stored);
      if (bytes < BURST_BYTES) continue;
      // Sockets are written to between turns of the event loop; a burst must not look like a slow client.
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
