import { throughClouds } from '@lamplighter/device-sim/signals/clouds';
import { chance } from '@lamplighter/device-sim/signals/random';
import { sunlight } from '@lamplighter/device-sim/signals/sun';

/** Every sensor reports this often. Milliseconds. */
export const TICK_MS = 120_000;
const DAY_MS = 86_400_000;
/** One simulated day, from midnight to midnight. */
export const TICKS = DAY_MS / TICK_MS;

/** What goes wrong in a field; shares are of its sensors, but at least one of them. */
export interface Faults {
  /** Single birds sit on single sensors: on each for some minutes, about seven times a day. */
  readonly birds?: true;
  /** A flock comes down on a third of the sensors at once: three times a day, for twelve minutes. */
  readonly flock?: true;
  /** Clouds as large as a sixth of the field drift over it. */
  readonly clouds?: true;
  /** From some moment on these repeat what they said then. */
  readonly stuck?: number;
  /** From some moment on these grow blind: dust takes seven tenths of the light within eight hours. */
  readonly drifting?: number;
  /** From some moment on these are silent. */
  readonly dead?: number;
}

/** What a covered sensor still sees. */
const COVERED = 0.1;
/** Sensors differ by this share of the light, and each reading by so many units. */
const CALIBRATION = 0.1;
const NOISE = 12;

const BIRD_SPAN = 10;
const BIRDS_PER_SPAN = 0.1;
const FLOCK_SPAN = TICKS / 3;
const FLOCK_STAYS = 6;
const FLOCK_SHARE = 1 / 3;

const BLIND = 0.3;
const BLIND_AFTER = (8 * 3_600_000) / TICK_MS;

/** Marks the questions to chance, which must not give related answers. */
const [CALIBRATED, NOISY, BIRD, BIRD_STAYS, BIRD_WAITS, FLOCK, FLOCK_WAITS, STUCK, DRIFT, DEAD] = [
  201, 202, 203, 204, 205, 206, 207, 208, 210, 212,
];
/** The places at which it is decided how light it really is. */
const PLACES = Array.from({ length: 20 }, (_, i) => (i + 0.5) / 20);

/**
 * One field of light sensors for one day: what they say, and how light it really is. Seed and time alone decide both, so the
 * same field sees the same day whatever is made of it.
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
    this.stuckFrom = this.some(faults.stuck, STUCK);
    this.driftingFrom = this.some(faults.drifting, DRIFT);
    this.deadFrom = this.some(faults.dead, DEAD);
  }

  /** The daylight on the field, clouds included, 0 to 1000: the mean of its places. Nobody but the laboratory knows it. */
  truth(tick: number): number {
    const days = tick / TICKS;
    return PLACES.reduce((sum, place) => sum + this.daylight(place, days), 0) / PLACES.length;
  }

  /** What a sensor says, 0 to 1023; undefined if it says nothing any more. */
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

  /** From which tick on something is wrong with each sensor: chance picks the share of them and the moment; infinite for the others. */
  private some(share: number | undefined, key: number): Float64Array {
    const from = new Float64Array(this.sensors).fill(Number.POSITIVE_INFINITY);
    if (share === undefined) return from;
    const picks = Array.from(from, (_, sensor) => ({ sensor, rank: chance(this.seed, sensor, key) }));
    picks.sort((a, b) => a.rank - b.rank);
    for (const { sensor } of picks.slice(0, Math.max(1, Math.round(this.sensors * share))))
      from[sensor] = Math.floor(TICKS * chance(this.seed, sensor, key + 1));
    return from;
  }
}
