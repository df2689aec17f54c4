import type { ServerResponse } from 'node:http';
import type { StoredEvent } from '@lamplighter/store/events/events';
import { type EventFilter, matches } from './event-filter.js';
import { missedFrame } from './event-frame.js';
import { isAfter } from './stream-position.js';

/** Bytes that may wait for one client; what comes while they do is dropped, counted and told. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * One client of the event stream. It first catches up from its position, page by page, each page waiting for the client;
 * then it is live, and is given what the feed reads.
 */
export class EventWatcher {
  isLive = false;
  private missed = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly filter: EventFilter,
    /** The last event that it has been offered. */
    public position: string,
  ) {}

  /** Gives the client an event unless it has it already or does not want it. Returns false if it was dropped. */
  offer(stored: StoredEvent, frame: () => string): boolean {
    if (!isAfter(stored.id, this.position)) return true;
    this.position = stored.id;
    if (!matches(this.filter, stored.event)) return true;
    if (this.response.writableLength > MAX_WAITING_BYTES) {
      this.missed += 1;
      return false;
    }
    if (this.missed > 0) {
      this.response.write(missedFrame('slow', this.missed));
      this.missed = 0;
    }
    this.response.write(frame());
    return true;
  }

  /** Sends something that is no event; left out while the client does not keep up. */
  tell(frame: string): void {
    if (this.response.writableLength <= MAX_WAITING_BYTES) this.response.write(frame);
  }

  /** More waits for the client than it has taken. */
  get isBehind(): boolean {
    return this.response.writableNeedDrain && !this.isClosed;
  }

  /** Settles when the client has taken what waits for it, or is gone. */
  async drained(): Promise<void> {
    const { response } = this;
    await new Promise<void>((resolve) => {
      const done = () => {
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.on('drain', done).on('close', done);
    });
  }

  get isClosed(): boolean {
    return this.response.writableEnded || this.response.destroyed;
  }

  end(): void {
    this.response.end();
  }
}
