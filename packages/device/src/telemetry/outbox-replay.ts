import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Outbox } from './outbox.js';

export interface ReplayOptions {
  /** Maximum number of messages waiting for receipts. */
  readonly window: number;
  /** Wait for the receipts of a message before it is sent again. */
  readonly wait: Backoff;
}

const DEFAULT_REPLAY: ReplayOptions = { window: 4, wait: { firstMs: 10_000, maxMs: 120_000 } };

/** A message whose receipts are incomplete. */
interface MessageInFlight {
  /** Readings without a receipt. */
  seqs: number[];
  sends: number;
  /** Position of its last transmission among all transmissions. */
  order: number;
  /** Time of the next transmission; monotonic, milliseconds. */
  dueAt: number;
}

const MESSAGE = { readings: BOUNDS.maxReplay, bytes: BOUNDS.maxPayloadBytes };

/**
 * Sends the readings of an outbox in order until receipts have emptied it. A bounded number of messages waits for receipts; new readings
 * follow the backlog. A message without receipts is sent again with exponential back-off, regardless of its PUBACK. A new connection starts
 * with the oldest reading.
 *
 * A connection can survive an outage of the service or broker. Two signs then end long waits: a receipt, for repeated messages sent before
 * the one it confirms; and a PUBACK after a long silence.
 */
export class OutboxReplay {
  private readonly flights: MessageInFlight[] = [];
  private isOpen = false;
  /** Readings up to this `_seq` have been sent on this connection. */
  private upTo = 0;
  private order = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param send publishes the readings as one payload and calls `acknowledged` on its PUBACK; must not throw */
  constructor(
    private readonly outbox: Outbox,
    private readonly send: (seqs: readonly number[], payload: string, onPuback: () => void) => void,
    private readonly options: ReplayOptions = DEFAULT_REPLAY,
  ) {}

  /** The connection is up: sends, starting with the oldest reading. */
  resume(): void {
    this.pause();
    this.isOpen = true;
    this.upTo = 0;
    this.advance();
  }

  /** The connection is down: the fate of messages in flight is unknown. */
  pause(): void {
    this.isOpen = false;
    this.flights.length = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Handles receipts; the readings have left the outbox. */
  receive(seqs: readonly number[]): void {
    const received = new Set(seqs);
    let newest = 0;
    for (const flight of this.flights)
      if (flight.order > newest && flight.seqs.some((seq) => received.has(seq))) newest = flight.order;
    this.dropSettled();
    for (const flight of this.flights) {
      if (flight.sends < 2 || flight.order >= newest) continue;
      flight.sends = 0;
      this.transmit(flight);
    }
    this.advance();
  }

  /** Sends as many messages as the limit allows. Call it after adding a reading. */
  advance(): void {
    if (!this.isOpen) return;
    while (this.flights.length < this.options.window) {
      const { seqs, texts } = this.outbox.batch(this.upTo, MESSAGE);
      const last = seqs.at(-1);
      if (last === undefined) break;
      this.upTo = last;
      const flight = { seqs, sends: 0, order: 0, dueAt: 0 };
      this.flights.push(flight);
      this.transmit(flight, texts);
    }
    this.setTimer();
  }

  private dropSettled(): void {
    for (let at = 0; at < this.flights.length; ) {
      const flight = this.flights[at] as MessageInFlight;
      flight.seqs = flight.seqs.filter((seq) => this.outbox.has(seq));
      if (flight.seqs.length > 0) at += 1;
      else this.flights.splice(at, 1);
    }
  }

  private transmit(flight: MessageInFlight, texts = flight.seqs.map((seq) => this.outbox.textOf(seq))): void {
    const sentAt = performance.now();
    flight.dueAt = sentAt + this.waitMs(flight.sends);
    flight.sends += 1;
    flight.order = this.order += 1;
    const payload = texts.length === 1 ? String(texts[0]) : `[${texts.join(',')}]`;
    this.send(flight.seqs, payload, () => this.acknowledged(sentAt));
  }

  /** Handles a PUBACK. After a silence longer than the first wait, the broker may have lost messages, so they become due soon. */
  private acknowledged(sentAt: number): void {
    const now = performance.now();
    if (now - sentAt <= this.options.wait.firstMs || this.flights.length === 0) return;
    const dueAt = now + this.waitMs(0);
    for (const flight of this.flights) flight.dueAt = Math.min(flight.dueAt, dueAt);
    this.setTimer();
  }

  /** At least half of the upper bound, so that a server under load is not flooded. */
  private waitMs(sends: number): number {
    return backoffMs(sends, this.options.wait);
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.flights.length === 0) return;
    const dueAt = Math.min(...this.flights.map((flight) => flight.dueAt));
    this.timer = setTimeout(() => this.retransmitDue(), Math.max(1, dueAt - performance.now()));
  }

  private retransmitDue(): void {
    const now = performance.now();
    for (const flight of [...this.flights]) {
      if (flight.dueAt <= now) this.transmit(flight);
    }
    this.setTimer();
  }
}
