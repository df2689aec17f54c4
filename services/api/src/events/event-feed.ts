import type { ServerResponse } from 'node:http';
import { eventsAfter, lastEventId, type StoredEvent } from '@lamplighter/store/events/events';
import { Injectable } from '@nestjs/common';
import { ApiErrors } from '../foundation/api-errors.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem, retryAfter } from '../problems/problem.js';
import { isStoreFailure } from '../problems/store-failure.js';
import { StoreLink } from '../store/store-link.js';
import type { EventFilter } from './event-filter.js';
import { eventFrame, HEARTBEAT, missedFrame, OPENING } from './event-frame.js';
import { type EventListener, EventReader } from './event-reader.js';
import { EventWatcher } from './event-watcher.js';
import { isAfter } from './stream-position.js';

const HEARTBEAT_MS = 15_000;
const PAGE = 500;
const MAX_WATCHERS = 500;

/** Sends the stream of live events to all watching clients. */
@Injectable()
export class EventFeed implements EventListener {
  private readonly watchers = new Set<EventWatcher>();
  /** Clients whose start position is still being read from Redis. */
  private starting = 0;
  private heartbeat: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    private readonly link: StoreLink,
    private readonly metrics: ApiMetrics,
    private readonly reader: EventReader,
    private readonly errors: ApiErrors,
  ) {}

  /**
   * Responds with the stream, and keeps it open until the client disconnects or the service stops.
   * @param after the last event seen by the client; if undefined, the stream starts with the next event
   * @throws Problem `store-away`, `too-many-watchers`
   */
  async watch(response: ServerResponse, filter: EventFilter, after: string | undefined): Promise<void> {
    if (this.isClosed || this.watchers.size + this.starting >= MAX_WATCHERS) {
      const detail = this.isClosed
        ? 'The service is stopping.'
        : `${MAX_WATCHERS} event streams are already open.`;
      throw new Problem('too-many-watchers', `${detail} Try again later.`, {}, retryAfter(5));
    }
    this.starting += 1;
    const { position, isLate } = await this.startPosition(after).finally(() => {
      this.starting -= 1;
    });
    const watcher = new EventWatcher(response, filter, position);
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
    if (isLate) response.write(missedFrame('late'));
    this.add(watcher, response);
    if (this.isClosed) watcher.end();
    await this.catchUp(watcher);
  }

  /** Ends all streams. Clients reconnect, possibly to another replica, and resume. */
  close(): void {
    this.isClosed = true;
    for (const watcher of this.watchers) watcher.end();
  }

  handle(stored: StoredEvent): number {
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

  /** Watchers are notified only of trimmed events; all others are still delivered. */
  interrupted(isTrimmed: boolean): void {
    if (!isTrimmed) return;
    for (const watcher of this.watchers) if (watcher.isLive) watcher.sendFrame(missedFrame('late'));
  }

  /** The position at which a client resumes, and whether events that it has not seen were trimmed. */
  private async startPosition(after: string | undefined): Promise<{ position: string; isLate: boolean }> {
    const { redis } = this.link;
    if (after === undefined) return { position: await lastEventId(redis), isLate: false };
    const [[oldest], newest] = await Promise.all([eventsAfter(redis, '0-0', 1), lastEventId(redis)]);
    // An id beyond the newest event is from another Redis, or from data that this one has lost.
    if (isAfter(after, newest)) return { position: newest, isLate: true };
    return { position: after, isLate: oldest !== undefined && isAfter(oldest.id, after) && after !== '0-0' };
  }

  private add(watcher: EventWatcher, response: ServerResponse): void {
    this.watchers.add(watcher);
    this.metrics.sseClients.set(this.watchers.size);
    this.heartbeat ??= setInterval(() => {
      for (const each of this.watchers) each.sendFrame(HEARTBEAT);
    }, HEARTBEAT_MS);
    response.once('close', () => {
      this.watchers.delete(watcher);
      this.metrics.sseClients.set(this.watchers.size);
      if (this.watchers.size > 0) return;
      this.reader.leave(this);
      clearInterval(this.heartbeat);
      this.heartbeat = undefined;
    });
  }

  private async catchUp(watcher: EventWatcher): Promise<void> {
    try {
      while (!watcher.isClosed && !this.isClosed) {
        const before = this.reader.position;
        const page = await eventsAfter(this.link.redis, watcher.position, PAGE);
        for (const stored of page) {
          watcher.offer(stored, () => eventFrame(stored));
          if (watcher.isBehind) await watcher.drained();
        }
        // Live from here, unless the reader has advanced in the meantime: then there is another page. If the reader has not moved
        // there is nothing left to read, even if it is ahead: Redis has lost what it read.
        const { position } = this.reader;
        const isFurther =
          position !== undefined && position !== before && isAfter(position, watcher.position);
        if (page.length < PAGE && !isFurther) {
          watcher.isLive = true;
          if (this.watchers.has(watcher)) this.reader.listenFrom(this, watcher.position);
          return;
        }
      }
    } catch (error) {
      if (!isStoreFailure(error))
        this.errors.report(
          'event_stream',
          error,
          'cannot send earlier live events to a client; closing its stream',
        );
      // The client reconnects with the last id that it received.
      watcher.end();
    }
  }
}
