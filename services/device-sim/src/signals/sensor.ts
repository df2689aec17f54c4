import { birdOn, UNDER_BIRD } from './birds.js';
import { throughClouds } from './clouds.js';
import { sunlight } from './sun.js';

/** The parameters of all signals. */
export interface World {
  readonly seed: number;
  /** Length of a simulated day, milliseconds. 86,400,000 is real time, with UTC at the first device. */
  readonly dayMs: number;
}

/** The position of a sensor. */
export interface Spot {
  /** Key of the device name; see `keyOf`. */
  readonly device: number;
  /** Position in the fleet, 0 to 1. The fleet spans half the globe, so that dusk passes through it. */
  readonly place: number;
}

/** The last device is this fraction of a day ahead of the first. */
const SPAN_DAYS = 0.5;

/** Light of a lamp on its own sensor in the dark. */
export const GLOW = 120;
/** Ambient light from which on the lamp has no effect on the sensor. */
const GLOW_LIMIT = 240;

/**
 * The value of the sensor, 0 to 1023: daylight reduced by clouds and birds, plus the light of the lamp.
 *
 * The lamp must not switch itself: with plain addition, a lamp that turns on at 290 would read 410, turn off, read 290, and so on. Its
 * light therefore fades as daylight grows and has no effect above 240, so that a threshold of 240 or more gives the same result with the
 * lamp on and off. At night with the lamp on the sensor reads 120.
 * @param now milliseconds since 1970
 */
export function lightAt(
  { seed, dayMs }: World,
  { device, place }: Spot,
  now: number,
  lampOn: boolean,
): number {
  const days = now / dayMs;
  const sky = sunlight(days + SPAN_DAYS * place) * throughClouds(seed, place, days);
  const ambient = birdOn(seed, device, now) ? sky * UNDER_BIRD : sky;
  return Math.floor(lampOn ? withGlow(ambient) : ambient);
}

/** Adds the light of the lamp. Grows with the ambient light, which it leaves unchanged above `GLOW_LIMIT`. */
export function withGlow(ambient: number): number {
  return ambient + GLOW * Math.max(0, 1 - ambient / GLOW_LIMIT);
}
