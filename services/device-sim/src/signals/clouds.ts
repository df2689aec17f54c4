import { smoothNoise } from './random.js';

/** How many clouds fit beside each other above the fleet. */
const ACROSS = 6;
/** How often a place sees another sky, per day. */
const CHANGES_PER_DAY = 10;
/** What the thickest cloud lets through: at noon more than the night-light's 300. */
export const THICKEST = 0.35;

/**
 * The part of the daylight that the clouds let through, `THICKEST` to 1. Neighbours are under the same cloud, and the sky
 * changes smoothly.
 * @param place where in the fleet, 0 to 1
 * @param days time in simulated days
 */
export function throughClouds(seed: number, place: number, days: number): number {
  const [x, y] = [place * ACROSS - days * CHANGES_PER_DAY, days * CHANGES_PER_DAY * 0.5];
  const thickness = 0.7 * smoothNoise(seed, x, y) + 0.3 * smoothNoise(~seed, 3 * x, 3 * y);
  // Most of the sky is clear: only the upper half of the noise is cloud.
  const cloud = Math.min(1, Math.max(0, (thickness - 0.5) / 0.3));
  return 1 - (1 - THICKEST) * cloud;
}
