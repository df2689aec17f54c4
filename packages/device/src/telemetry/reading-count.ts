import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Change, Storage } from '../storage/storage.js';

/** What a device program publishes: names and values. Names that begin with an underscore are the protocol's. */
export type Measurements = Readonly<Record<string, Measurement>>;

/** A reading that was taken: its number in the order of the device, and in the count of its readings. */
export interface Taken {
  readonly seq: number;
  readonly n: number;
  readonly at: number;
}

/**
 * Numbers the readings of a device and counts what it drops, across restarts as far as the storage reaches. `_seq` is the epoch
 * in microseconds, or one more than the last if the clock does not say more: it grows even if the clock is set back.
 */
export class ReadingCount {
  private seq = 0;
  private n = 0;
  private dropped = 0;

  constructor(
    private readonly storage: Storage,
    private readonly clock: () => number,
  ) {
    const stored = storage.get('count');
    if (stored !== undefined) [this.seq = 0, this.n = 0, this.dropped = 0] = JSON.parse(stored) as number[];
  }

  take(): Taken {
    const at = this.clock();
    this.seq = Math.max(this.seq + 1, Math.floor(at * 1000));
    this.n += 1;
    return { seq: this.seq, n: this.n, at: Math.floor(at) };
  }

  drop(readings = 1): void {
    this.dropped += readings;
  }

  /** The reading as it is sent. `more` readings are dropped for its sake and not counted yet. */
  write(measurements: Measurements, { seq, n, at }: Taken, more = 0): string {
    const dropped = this.dropped + more;
    return JSON.stringify({
      ...measurements,
      _seq: seq,
      _at: at,
      _n: n,
      ...(dropped > 0 && { _dropped: dropped }),
    });
  }

  /** What a storage must be told; `more` as above. */
  change(more = 0): Change {
    return ['count', JSON.stringify([this.seq, this.n, this.dropped + more])];
  }

  /** Stores the count by itself. A storage that fails costs no more than the count. */
  store(): void {
    this.storage.write([this.change()]);
  }
}
