import type { AdaptiveInterval } from '@lamplighter/contracts/settings/telemetry-interval';

/** The movement of a measurement, updated with each reading. */
export interface Movement {
  readonly value: number;
  /** Device time, ms. */
  readonly at: number;
  /** Smoothed slope, units per second. */
  readonly slope: number;
  /** Smoothed variance of the deviation from that slope after one second. It grows with time as in a random walk. */
  readonly variance: number;
}

/** Weight of the newest reading in smoothed values. */
const WEIGHT = 0.4;
/** The next reading is due after this fraction of the time to the threshold. */
const FRACTION = 0.5;
/** A threshold counts as reachable by chance within this many standard deviations. */
const DEVIATIONS = 2;

/** Adds a value. A value that is not newer replaces the last one. */
export function observeMovement(before: Movement | undefined, value: number, at: number): Movement {
  if (before === undefined) return { value, at, slope: 0, variance: 0 };
  const seconds = (at - before.at) / 1000;
  if (seconds <= 0) return { ...before, value, at };
  const surprise = value - (before.value + before.slope * seconds);
  const slope = (value - before.value) / seconds;
  const smoothed = before.slope + WEIGHT * (slope - before.slope);
  const variance = before.variance + WEIGHT * (surprise ** 2 / seconds - before.variance);
  // Overflow: the movement is unknown.
  if (!Number.isFinite(smoothed) || !Number.isFinite(variance)) return { value, at, slope: 0, variance: 0 };
  return { value, at, slope: smoothed, variance };
}

/**
 * Time from the last reading to the next one, milliseconds: half of the time in which the measurement can reach the nearest threshold, at
 * its current slope or by chance, within `min` and `max`. `min` if there is no reading.
 */
export function adaptiveIntervalMs(
  { min, max, thresholds }: AdaptiveInterval,
  movement: Movement | undefined,
): number {
  if (movement === undefined) return min;
  const seconds = Math.min(...thresholds.map((threshold) => secondsTo(threshold, movement)));
  const ms = FRACTION * seconds * 1000;
  return Number.isNaN(ms) ? min : Math.round(Math.min(max, Math.max(min, ms)));
}

function secondsTo(threshold: number, { value, slope, variance }: Movement): number {
  const distance = Math.abs(threshold - value);
  const speed = threshold >= value ? slope : -slope;
  const byMovement = speed > 0 ? distance / speed : Number.POSITIVE_INFINITY;
  const byChance = variance > 0 ? distance ** 2 / (DEVIATIONS ** 2 * variance) : Number.POSITIVE_INFINITY;
  return Math.min(byMovement, byChance);
}
