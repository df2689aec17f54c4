import type { Pace } from './pace.js';

/** A stretch of load at one rate. */
export interface Stretch {
  /** Readings per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Only this half of the devices crosses the threshold; all do by default. */
  readonly crossing?: Half;
}

/** Devices alternate in groups of twenty, so that each half spreads over the whole fleet and all connections. */
export type Half = 'a' | 'b';
const GROUP = 20;

function halfOf(device: number): Half {
  return Math.floor(device / GROUP) % 2 === 0 ? 'a' : 'b';
}

/**
 * Fixes when each reading is due before the first is sent (an open loop): a service that falls behind does not slow the load
 * down, and latency, which counts from the due time, includes the wait that it causes.
 */
export class Schedule implements Pace {
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

  dueBy(elapsedMs: number): number {
    if (elapsedMs < 0) return 0;
    if (elapsedMs >= this.durationMs) return this.total;
    const index = this.stretches.findLastIndex(({ startsAt }) => startsAt <= elapsedMs);
    const { firstReading, startsAt, perMs } = this.stretches[index]!;
    const due = firstReading + Math.floor((elapsedMs - startsAt) * perMs) + 1;
    return Math.min(due, this.stretches[index + 1]?.firstReading ?? this.total);
  }

  dueAt(reading: number): number {
    const { startsAt, firstReading, perMs } = this.placeOf(reading);
    return startsAt + (reading - firstReading) / perMs;
  }

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
