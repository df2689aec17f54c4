import { BOUNDS } from '@lamplighter/contracts/bounds';
import { type Backoff, backoffMs } from './backoff.js';
import type { Outbox } from './outbox.js';

export interface ReplayOptions {
  /** Most messages without their receipts. */
  readonly window: number;
  /** How long to wait for the receipts of a message before it goes again. */
  readonly wait: Backoff;
}

export const DEFAULT_REPLAY: ReplayOptions = { window: 4, wait: { firstMs: 10_000, maxMs: 120_000 } };

/** A message on its way: its readings without a receipt, how often it went, and when it goes again (monotonic, ms). */
interface Flight {
  seqs: number[];
  sends: number;
  dueAt: number;
}

const MESSAGE = { readings: BOUNDS.maxReplay, bytes: BOUNDS.maxPayloadBytes };

/**
 * Sends what is in an outbox, in order, until the server's receipts have emptied it. While a connection stands, at most a
 * window of messages waits for receipts; new readings go behind the backlog. A message that gets none goes again, with growing
 * waits: only the server's word counts, whatever the broker said. A new connection begins with the oldest reading.
 */
export class OutboxReplay {
  private readonly flights: Flight[] = [];
  private open = false;
  /** Everything up to this `_seq` is on its way on this connection, or was. */
  private upTo = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param send publishes these readings as one payload; it must not fail */
  constructor(
    private readonly outbox: Outbox,
    private readonly send: (seqs: readonly number[], payload: string) => void,
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

  /** Sends what the window allows; to be called when a reading was added or receipts came. */
  advance(): void {
    if (!this.open) return;
    for (let at = 0; at < this.flights.length; ) {
      const flight = this.flights[at] as Flight;
      flight.seqs = flight.seqs.filter((seq) => this.outbox.has(seq));
      if (flight.seqs.length > 0) at += 1;
      else this.flights.splice(at, 1);
    }
    while (this.flights.length < this.options.window) {
      const { seqs, texts } = this.outbox.batch(this.upTo, MESSAGE);
      const last = seqs.at(-1);
      if (last === undefined) break;
      this.upTo = last;
      const flight = { seqs, sends: 0, dueAt: 0 };
      this.flights.push(flight);
      this.transmit(flight, texts);
    }
    this.setTimer();
  }

  private transmit(flight: Flight, texts: readonly string[]): void {
    // Never sooner than half of the wait: a server under load needs its time.
    flight.dueAt =
      performance.now() + backoffMs(flight.sends, this.options.wait, () => 0.5 + Math.random() / 2);
    flight.sends += 1;
    this.send(flight.seqs, texts.length === 1 ? String(texts[0]) : `[${texts.join(',')}]`);
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
      if (flight.dueAt <= now)
        this.transmit(
          flight,
          flight.seqs.map((seq) => this.outbox.textOf(seq)),
        );
    }
    this.setTimer();
  }
}
