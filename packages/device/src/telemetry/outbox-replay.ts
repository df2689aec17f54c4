import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Outbox } from './outbox.js';

export interface ReplayOptions {
  /** Most messages without their receipts. */
  readonly window: number;
  /** How long to wait for the receipts of a message before it goes again. */
  readonly wait: Backoff;
}

const DEFAULT_REPLAY: ReplayOptions = { window: 4, wait: { firstMs: 10_000, maxMs: 120_000 } };

/** A message on its way: its readings without a receipt, how often it was sent, when it is sent again (monotonic, ms). */
interface Flight {
  seqs: number[];
  sends: number;
  /** Its place among everything that was sent, when it was sent last. */
  order: number;
  dueAt: number;
}

const MESSAGE = { readings: BOUNDS.maxReplay, bytes: BOUNDS.maxPayloadBytes };

/**
 * Sends what is in an outbox, in order, until the server's receipts have emptied it. While a connection stands, at most a
 * window of messages waits for receipts; new readings go behind the backlog. A message that gets none goes again, with growing
 * waits: only the server's word counts, whatever the broker said. A new connection begins with the oldest reading.
 *
 * A connection may outlive an outage. Two signs end the long waits then, so that the backlog reaches the server soon and in order:
 * a receipt, for messages that were repeated and sent before the one that it is for; and an answer of the broker after a long silence.
 */
export class OutboxReplay {
  private readonly flights: Flight[] = [];
  private open = false;
  /** Everything up to this `_seq` is on its way on this connection, or was. */
  private upTo = 0;
  private order = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param send publishes these readings as one payload and calls `answered` when the broker has answered; it must not fail */
  constructor(
    private readonly outbox: Outbox,
    private readonly send: (seqs: readonly number[], payload: string, answered: () => void) => void,
    private readonly options: ReplayOptions = DEFAULT_REPLAY,
  ) {}

  /** A connection stands. */
  resume(): void {
    this.pause();
    this.open = true;
    this.upTo = 0;
    this.advance();
  }

  /** The connection is gone: nobody knows what became of the messages on their way. */
  pause(): void {
    this.open = false;
    this.flights.length = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Receipts for these readings came, and they have left the outbox. */
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

  /** Sends what the window allows; to be called when a reading was added. */
  advance(): void {
    if (!this.open) return;
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
      const flight = this.flights[at] as Flight;
      flight.seqs = flight.seqs.filter((seq) => this.outbox.has(seq));
      if (flight.seqs.length > 0) at += 1;
      else this.flights.splice(at, 1);
    }
  }

  private transmit(flight: Flight, texts = flight.seqs.map((seq) => this.outbox.textOf(seq))): void {
    const sentAt = performance.now();
    flight.dueAt = sentAt + this.waitMs(flight.sends);
    flight.sends += 1;
    flight.order = this.order += 1;
    const payload = texts.length === 1 ? String(texts[0]) : `[${texts.join(',')}]`;
    this.send(flight.seqs, payload, () => this.answered(sentAt));
  }

  /** The broker answered a message. If it was silent for longer than a first wait, it may have lost what was sent meanwhile. */
  private answered(sentAt: number): void {
    const now = performance.now();
    if (now - sentAt <= this.options.wait.firstMs || this.flights.length === 0) return;
    const dueAt = now + this.waitMs(0);
    for (const flight of this.flights) flight.dueAt = Math.min(flight.dueAt, dueAt);
    this.setTimer();
  }

  /** Never less than half of the full wait: a server under load needs its time. */
  private waitMs(sends: number): number {
    return backoffMs(sends, this.options.wait);
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.flights.length === 0) return;
    const dueAt = Math.min(...this.flights.map((flight) => flight.dueAt));
    this.timer = setTimeout(() => this.repeat(), Math.max(1, dueAt - performance.now()));
  }

  private repeat(): void {
    const now = performance.now();
    for (const flight of [...this.flights]) {
      if (flight.dueAt <= now) this.transmit(flight);
    }
    this.setTimer();
  }
}
