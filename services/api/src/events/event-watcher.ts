import type { ServerResponse } from 'node:http';
import type { StoredEvent } from '@lamplighter/store/events/events';
import { type EventFilter, matches } from './event-filter.js';
import { missedFrame } from './event-frame.js';
import { isAfter } from './stream-position.js';

/** Buffered bytes per client; beyond this, events are dropped and counted, and the client is notified. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * One client of the event stream. It first catches up from its position page by page, at the speed of the client; then it is
 * live and gets what the feed reads.
 */
export class EventWatcher {
  isLive = false;
  private missed = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly filter: EventFilter,
    /** The last event offered to it. */
    public position: string,
  ) {}

  /** Sends an event unless the client has it or filters it out. Returns false if it was dropped. */
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

  /** Sends a frame that is not a live event, unless the client is too slow. */
  sendFrame(frame: string): void {
    if (this.response.writableLength <= MAX_WAITING_BYTES) this.response.write(frame);
  }

  /** Whether the client's buffer is full. */
  get isBehind(): boolean {
    return this.response.writableNeedDrain && !this.isClosed;
  }

  /** Resolves when the client has read its buffer, or has disconnected. */
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
