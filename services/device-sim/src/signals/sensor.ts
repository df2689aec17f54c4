import { birdOn, UNDER_BIRD } from './birds.js';
import { throughClouds } from './clouds.js';
import { sunlight } from './sun.js';

/** Everything that decides the signals beside time and place. */
export interface World {
  readonly seed: number;
  /** Length of a simulated day, ms. 86,400,000 is real time: UTC at the first device's place. */
  readonly dayMs: number;
}

/** Where a sensor is. */
export interface Spot {
  /** From the device's name; see `keyOf`. */
  readonly device: number;
  /** 0 to 1 along the fleet; the fleet spans half the globe, so dusk passes through it as a wave. */
  readonly place: number;
}

/** The last device is ahead of the first by this part of a day. */
const SPAN_DAYS = 0.5;

/** What a lamp throws on its own sensor in the dark. */
export const GLOW = 120;
/** From this light on nothing of it is left: daylight drowns it. */
const DROWNED = 240;

/**
 * What the sensor shows, 0 to 1023: daylight, less clouds and birds, and the lamp's own light.
 *
 * The lamp must not decide about itself: with plain addition a lamp that comes on at 290 would read 410, go off, read 290,
 * and so on. Here its light fades as the daylight grows and is gone below 300, so that for every limit from 240 on the
 * answer to "is it dark?" is the same with the lamp on and off. A night with the lamp on reads 120.
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

/** Grows with the ambient light, and leaves everything from `DROWNED` on as it is. */
export function withGlow(ambient: number): number {
  return ambient + GLOW * Math.max(0, 1 - ambient / DROWNED);
}
