/** A stretch of load at one rate. */
export interface Stretch {
  /** Readings per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Only one half of the devices crosses the threshold meanwhile; all do by default. */
  readonly crossing?: Half;
}

/** Devices by turns of twenty, so that each half is spread over the whole fleet and all connections. */
export type Half = 'a' | 'b';
const TURN = 20;

function halfOf(device: number): Half {
  return Math.floor(device / TURN) % 2 === 0 ? 'a' : 'b';
}

/**
 * When each reading is due, fixed before the first is sent (an open loop): a service that falls behind does not slow the
 * load down, and the wait that it causes is part of the latency, because latency counts from the due time.
 * Times are milliseconds since the start.
 */
export class Schedule {
  /** Readings in the whole schedule. */
  readonly total: number;
  readonly durationMs: number;
  private readonly stretches: Placed[] = [];

  constructor(stretches: readonly Stretch[]) {
    let startsAt = 0;
    let firstReading = 0;
    for (const stretch of stretches) {
      const { rate, seconds } = stretch;
      this.stretches.push({ stretch, firstReading, startsAt, perMs: rate / 1000 });
      firstReading += Math.round(rate * seconds);
      startsAt += seconds * 1000;
    }
    this.total = firstReading;
    this.durationMs = startsAt;
  }

  /** How many readings are due by then. */
  dueBy(elapsedMs: number): number {
    if (elapsedMs < 0) return 0;
    if (elapsedMs >= this.durationMs) return this.total;
    const index = this.stretches.findLastIndex(({ startsAt }) => startsAt <= elapsedMs);
    const { firstReading, startsAt, perMs } = this.stretches[index]!;
    const due = firstReading + Math.floor((elapsedMs - startsAt) * perMs) + 1;
    return Math.min(due, this.stretches[index + 1]?.firstReading ?? this.total);
  }

  /** When the reading of this number (from 0) is due. */
  dueAt(reading: number): number {
    const { startsAt, firstReading, perMs } = this.placeOf(reading);
    return startsAt + (reading - firstReading) / perMs;
  }

  /** Whether that reading, of the device with this index, may cross the threshold. */
  mayCross(reading: number, device: number): boolean {
    const { crossing } = this.placeOf(reading).stretch;
    return crossing === undefined || crossing === halfOf(device);
  }

  private placeOf(reading: number): Placed {
    return this.stretches.findLast(({ firstReading }) => firstReading <= reading)!;
  }
}

interface Placed {
  readonly stretch: Stretch;
  readonly firstReading: number;
  readonly startsAt: number;
  readonly perMs: number;
}
