import { smoothNoise } from './random.js';

/** Number of clouds across the fleet. */
const ACROSS = 6;
/** How often the sky above a place changes per day. */
const CHANGES_PER_DAY = 10;
/** Share of light that passes the thickest cloud: at noon more than the threshold of the night-light rule (300). */
export const THICKEST = 0.35;

/**
 * Share of daylight that passes the clouds, `THICKEST` to 1. Neighbouring places share a cloud, and the sky changes smoothly.
 * @param place position in the fleet, 0 to 1
 * @param days time in simulated days
 */
export function throughClouds(seed: number, place: number, days: number): number {
  const [x, y] = [place * ACROSS - days * CHANGES_PER_DAY, days * CHANGES_PER_DAY * 0.5];
  const thickness = 0.7 * smoothNoise(seed, x, y) + 0.3 * smoothNoise(~seed, 3 * x, 3 * y);
  // Only the upper half of the noise is cloud, so most of the sky is clear.
  const cloud = Math.min(1, Math.max(0, (thickness - 0.5) / 0.3));
  return 1 - (1 - THICKEST) * cloud;
}
