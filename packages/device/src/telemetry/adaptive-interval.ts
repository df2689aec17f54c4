import type { AdaptiveInterval } from '@lamplighter/contracts/settings/telemetry-interval';

/** What is remembered of a measurement from one reading to the next. */
export interface Movement {
  readonly value: number;
  /** Device time, ms. */
  readonly at: number;
  /** How fast it moves, units per second, smoothed. */
  readonly slope: number;
  /** How much it deviates from that movement: the variance after one second, smoothed. It grows with time as that of a random walk. */
  readonly variance: number;
}

/** Weight of the newest reading in what is smoothed. */
const WEIGHT = 0.4;
/** The next reading comes after this part of the time in which a threshold may be reached. */
const PART = 0.5;
/** A threshold may be reached by chance if it is within so many standard deviations. */
const DEVIATIONS = 2;

/** Takes the next value of the measurement. A value that is not newer replaces the one before. */
export function observeMovement(before: Movement | undefined, value: number, at: number): Movement {
  if (before === undefined) return { value, at, slope: 0, variance: 0 };
  const seconds = (at - before.at) / 1000;
  if (seconds <= 0) return { ...before, value, at };
  const surprise = value - (before.value + before.slope * seconds);
  const slope = (value - before.value) / seconds;
  const smoothed = before.slope + WEIGHT * (slope - before.slope);
  const variance = before.variance + WEIGHT * (surprise ** 2 / seconds - before.variance);
  // Values at the end of the range of numbers: nothing is known of their movement.
  if (!Number.isFinite(smoothed) || !Number.isFinite(variance)) return { value, at, slope: 0, variance: 0 };
  return { value, at, slope: smoothed, variance };
}

/**
 * When to measure next, milliseconds from the last reading: after half of the time in which the nearest threshold may be reached, by going on
 * as now or by chance; within the bounds. Without a reading it is the shortest time.
 */
export function adaptiveIntervalMs(
  { min, max, thresholds }: AdaptiveInterval,
  movement: Movement | undefined,
): number {
  if (movement === undefined) return min;
  const seconds = Math.min(...thresholds.map((threshold) => secondsTo(threshold, movement)));
  const ms = PART * seconds * 1000;
  return Number.isNaN(ms) ? min : Math.round(Math.min(max, Math.max(min, ms)));
}

function secondsTo(threshold: number, { value, slope, variance }: Movement): number {
  const distance = Math.abs(threshold - value);
  const speed = threshold >= value ? slope : -slope;
  const byMovement = speed > 0 ? distance / speed : Number.POSITIVE_INFINITY;
  const byChance = variance > 0 ? distance ** 2 / (DEVIATIONS ** 2 * variance) : Number.POSITIVE_INFINITY;
  return Math.min(byMovement, byChance);
}
