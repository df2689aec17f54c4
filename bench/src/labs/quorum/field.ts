import { throughClouds } from '@lamplighter/device-sim/signals/clouds';
import { chance } from '@lamplighter/device-sim/signals/random';
import { sunlight } from '@lamplighter/device-sim/signals/sun';

/** Time between the reports of a sensor, milliseconds. */
export const TICK_MS = 120_000;
const DAY_MS = 86_400_000;
/** One simulated day, from midnight to midnight. */
export const TICKS = DAY_MS / TICK_MS;

/** The faults of a field. A share applies to its sensors, and to at least one of them. */
export interface Faults {
  /** Birds sit on single sensors, on each about seven times a day for some minutes. */
  readonly birds?: true;
  /** A flock covers a third of the sensors three times a day for twelve minutes. */
  readonly flock?: true;
  /** Clouds of a sixth of the field's size drift over it. */
  readonly clouds?: true;
  /** Sensors that repeat one value starting at a random time. */
  readonly stuck?: number;
  /** Sensors that lose 70 % of the light within eight hours, starting at a random time. */
  readonly drifting?: number;
  /** Sensors that report nothing starting at a random time. */
  readonly dead?: number;
}

/** Share of the light that a covered sensor measures. */
const COVERED = 0.1;
/** Sensors differ by this share of the light, and readings by this noise. */
const CALIBRATION = 0.1;
const NOISE = 12;

const BIRD_SPAN = 10;
const BIRDS_PER_SPAN = 0.1;
const FLOCK_SPAN = TICKS / 3;
const FLOCK_STAYS = 6;
const FLOCK_SHARE = 1 / 3;

const BLIND = 0.3;
const BLIND_AFTER = (8 * 3_600_000) / TICK_MS;

/** Keys of independent random values. */
const [CALIBRATED, NOISY, BIRD, BIRD_STAYS, BIRD_WAITS, FLOCK, FLOCK_WAITS, STUCK, DRIFT, DEAD] = [
  201, 202, 203, 204, 205, 206, 207, 208, 210, 212,
];
/** The places whose mean is the true light. */
const PLACES = Array.from({ length: 20 }, (_, i) => (i + 0.5) / 20);

/**
 * A field of light sensors on one day: their readings, and the true light. Both depend only on seed and time, so that all policies see
 * the same day.
 */
export class Field {
  private readonly stuckFrom: Float64Array;
  private readonly driftingFrom: Float64Array;
  private readonly deadFrom: Float64Array;
  private readonly stuckAt = new Map<number, number>();

  constructor(
    private readonly seed: number,
    readonly sensors: number,
    private readonly faults: Faults,
  ) {
    this.stuckFrom = this.faultyFrom(faults.stuck, STUCK);
    this.driftingFrom = this.faultyFrom(faults.drifting, DRIFT);
    this.deadFrom = this.faultyFrom(faults.dead, DEAD);
  }

  /** The true light on the field, 0 to 1000, clouds included. Policies cannot read it. */
  truth(tick: number): number {
    const days = tick / TICKS;
    return PLACES.reduce((sum, place) => sum + this.daylight(place, days), 0) / PLACES.length;
  }

  /** The reading of a sensor, 0 to 1023; undefined if it is dead. */
  reading(sensor: number, tick: number): number | undefined {
    if (tick >= this.deadFrom[sensor]!) return undefined;
    const stuckFrom = this.stuckFrom[sensor]!;
    if (tick < stuckFrom) return this.measured(sensor, tick);
    let stuckAt = this.stuckAt.get(sensor);
    if (stuckAt === undefined) {
      stuckAt = this.measured(sensor, stuckFrom);
      this.stuckAt.set(sensor, stuckAt);
    }
    return stuckAt;
  }

  private measured(sensor: number, tick: number): number {
    const { seed } = this;
    let light = this.daylight((sensor + 0.5) / this.sensors, tick / TICKS);
    if (this.isCovered(sensor, tick)) light *= COVERED;
    const blindFor = Math.min(1, Math.max(0, tick - this.driftingFrom[sensor]!) / BLIND_AFTER);
    light *= 1 - (1 - BLIND) * blindFor;
    light *= 1 + CALIBRATION * (2 * chance(seed, sensor, CALIBRATED) - 1);
    light += NOISE * (2 * chance(seed, sensor, tick, NOISY) - 1);
    return Math.floor(Math.min(1023, Math.max(0, light)));
  }

  private daylight(place: number, days: number): number {
    return sunlight(days) * (this.faults.clouds ? throughClouds(this.seed, place, days) : 1);
  }

  private isCovered(sensor: number, tick: number): boolean {
    return (this.faults.birds === true && this.hasBird(sensor, tick)) || this.isUnderFlock(sensor, tick);
  }

  private hasBird(sensor: number, tick: number): boolean {
    const { seed } = this;
    const span = Math.floor(tick / BIRD_SPAN);
    if (chance(seed, sensor, span, BIRD) >= BIRDS_PER_SPAN) return false;
    const stays = 1 + Math.floor(4 * chance(seed, sensor, span, BIRD_STAYS));
    const since =
      (tick % BIRD_SPAN) - Math.floor((BIRD_SPAN - stays) * chance(seed, sensor, span, BIRD_WAITS));
    return since >= 0 && since < stays;
  }

  private isUnderFlock(sensor: number, tick: number): boolean {
    if (this.faults.flock !== true) return false;
    const { seed } = this;
    const span = Math.floor(tick / FLOCK_SPAN);
    const since =
      (tick % FLOCK_SPAN) - Math.floor((FLOCK_SPAN - FLOCK_STAYS) * chance(seed, span, FLOCK_WAITS));
    return since >= 0 && since < FLOCK_STAYS && chance(seed, sensor, span, FLOCK) < FLOCK_SHARE;
  }

  /** The tick from which each sensor is faulty, for a random selection of this share; infinite for the others. */
  private faultyFrom(share: number | undefined, key: number): Float64Array {
    const from = new Float64Array(this.sensors).fill(Number.POSITIVE_INFINITY);
    if (share === undefined) return from;
    const picks = Array.from(from, (_, sensor) => ({ sensor, rank: chance(this.seed, sensor, key) }));
    picks.sort((a, b) => a.rank - b.rank);
    for (const { sensor } of picks.slice(0, Math.max(1, Math.round(this.sensors * share))))
      from[sensor] = Math.floor(TICKS * chance(this.seed, sensor, key + 1));
    return from;
  }
}
