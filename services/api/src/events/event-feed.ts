import type { ServerResponse } from 'node:http';
import { connectRedis, type Redis } from '@lamplighter/store/connect';
import { eventsAfter, lastEventId, readEvents, type StoredEvent } from '@lamplighter/store/events';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../config.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { StoreLink } from '../store/store-link.js';
import { CONFIG } from '../tokens.js';
import type { EventFilter } from './event-filter.js';
import { eventFrame, HEARTBEAT, missedFrame, OPENING } from './event-frame.js';
import { EventWatcher } from './event-watcher.js';
import { isAfter } from './stream-position.js';

const HEARTBEAT_MS = 15_000;
/** The blocking read waits this long, milliseconds; shorter than the store's command timeout. */
const BLOCK_MS = 2000;
const PAGE = 500;
const BURST_BYTES = 32 * 1024;
const MAX_WATCHERS = 500;

/**
 * Reads the stream of events once and gives it to every client that watches: one blocking connection for all of them.
 * It reads only while somebody watches.
 */
@Injectable()
export class EventFeed {
  private readonly watchers = new Set<EventWatcher>();
  private reader: Redis | undefined;
  /** The last event that was read; undefined while nobody watches. */
  private position: string | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    @Inject(StoreLink) private readonly link: StoreLink,
    @Inject(ApiMetrics) private readonly metrics: ApiMetrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Answers with the stream, and keeps it open until the client goes or the service stops.
   * @param after the last event that the client has seen; without it, it gets what comes from now on
   * @throws Problem `store-away`, `too-many-watchers`
   */
  async watch(response: ServerResponse, filter: EventFilter, after: string | undefined): Promise<void> {
    if (this.isClosed || this.watchers.size >= MAX_WATCHERS) {
      const detail = this.isClosed ? 'This service is stopping.' : `${MAX_WATCHERS} clients watch already.`;
      throw new Problem('too-many-watchers', `${detail} Try again later.`, {}, retryAfter(5));
    }
    const { redis } = this.link;
    const [oldest] = after === undefined ? [] : await eventsAfter(redis, '0-0', 1);
    const watcher = new EventWatcher(response, filter, after ?? (await lastEventId(redis)));
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    if (response.req.method === 'HEAD') {
      response.end();
      return;
    }
    if (response.closed) return;
    response.write(OPENING);
    if (after !== undefined && oldest !== undefined && isAfter(oldest.id, after) && after !== '0-0') {
      response.write(missedFrame('late'));
    }
    this.add(watcher, response);
    await this.catchUp(watcher);
  }

  /** Ends all streams; clients come back, to another replica perhaps, and go on where they were. */
  close(): void {
    this.isClosed = true;
    for (const watcher of this.watchers) watcher.end();
    this.reader?.disconnect();
  }

  private add(watcher: EventWatcher, response: ServerResponse): void {
    this.watchers.add(watcher);
    this.metrics.sseClients.set(this.watchers.size);
    this.heartbeat ??= setInterval(() => {
      for (const each of this.watchers) each.tell(HEARTBEAT);
    }, HEARTBEAT_MS);
    response.once('close', () => {
      this.watchers.delete(watcher);
      this.metrics.sseClients.set(this.watchers.size);
      if (this.watchers.size > 0) return;
      clearInterval(this.heartbeat);
      this.heartbeat = undefined;
    });
  }

  private async catchUp(watcher: EventWatcher): Promise<void> {
    try {
      while (!watcher.isClosed && !this.isClosed) {
        const page = await eventsAfter(this.link.redis, watcher.position, PAGE);
        for (const stored of page) {
          watcher.offer(stored, () => eventFrame(stored));
          if (watcher.isBehind) await watcher.drained();
        }
        // Live from here, unless the feed has gone further in the meantime: then there is another page.
        if (page.length < PAGE && !(this.position && isAfter(this.position, watcher.position))) {
          watcher.isLive = true;
          if (this.position === undefined) void this.read(watcher.position);
          return;
        }
      }
    } catch {
      // Redis went away: the client comes back with the last id that it got.
      watcher.end();
    }
  }

  private async read(from: string): Promise<void> {
    this.position = from;
    this.reader ??= connectRedis(this.config.REDIS_URL, 'api-events');
    let failures = 0;
    while (this.watchers.size > 0 && !this.isClosed) {
      try {
        let bytes = 0;
        for (const stored of await readEvents(this.reader, this.position, BLOCK_MS)) {
          bytes += this.tellAll(stored);
          if (bytes < BURST_BYTES) continue;
          // Sockets are written to between turns of the event loop; a burst must not look like a slow client.
          await new Promise((resolve) => setImmediate(resolve));
          bytes = 0;
        }
        failures = 0;
      } catch {
        if (this.isClosed) break;
        failures += 1;
        await new Promise((resolve) => {
          setTimeout(resolve, Math.min(100 * 2 ** failures, 2000) * (0.5 + Math.random() / 2));
        });
      }
    }
    this.position = undefined;
  }

  /** Returns the length of what was sent to each client. */
  private tellAll(stored: StoredEvent): number {
    this.position = stored.id;
    let frame: string | undefined;
    for (const watcher of this.watchers) {
      if (!watcher.isLive) continue;
      const kept = watcher.offer(stored, () => {
        frame ??= eventFrame(stored);
        return frame;
      });
      if (!kept) this.metrics.sseDropped.inc();
    }
    return frame?.length ?? 0;
  }
}
