import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Change, Storage } from '../storage/storage.js';

/** The measurements of a reading by name. Names that start with an underscore are reserved for the protocol. */
export type Measurements = Readonly<Record<string, Measurement>>;

/** The numbers and time of a reading. */
export interface NumberedReading {
  /** `_seq`: the position in the order of the device. */
  readonly seq: number;
  /** `_n`: the number of readings so far. */
  readonly n: number;
  readonly at: number;
}

/**
 * Numbers the readings of a device and counts dropped ones, across restarts if the storage survives them. `_seq` is the time in
 * microseconds, or the last value plus one if that is larger, so that it grows even if the clock is set backwards.
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

  take(): NumberedReading {
    const at = this.clock();
    this.seq = Math.max(this.seq + 1, Math.floor(at * 1000));
    this.n += 1;
    return { seq: this.seq, n: this.n, at: Math.floor(at) };
  }

  drop(readings = 1): void {
    this.dropped += readings;
  }

  /** The text of a reading. `more` readings are about to be dropped for it and are not counted yet. */
  write(measurements: Measurements, { seq, n, at }: NumberedReading, more = 0): string {
    const dropped = this.dropped + more;
    return JSON.stringify({
      ...measurements,
      _seq: seq,
      _at: at,
      _n: n,
      ...(dropped > 0 && { _dropped: dropped }),
    });
  }

  /** The storage change with the current counts; `more` as for `write`. */
  change(more = 0): Change {
    return ['count', JSON.stringify([this.seq, this.n, this.dropped + more])];
  }

  /** Stores the counts only. */
  store(): void {
    this.storage.write([this.change()]);
  }
}
