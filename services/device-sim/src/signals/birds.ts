import { chance } from './random.js';

/** At most one bird comes to a sensor in such a span, ms. Birds keep real time, however short the simulated day is. */
const SPAN_MS = 10_000;
/** In this part of the spans one comes: to each sensor about every five minutes. */
const VISITS = 1 / 30;
const SHORTEST_MS = 2000;
const LONGEST_MS = 6000;
/** What a bird on the sensor lets through. */
export const UNDER_BIRD = 0.1;

/** Marks the three questions to chance; they must not give related answers. */
const [COMES, STAYS, WAITS] = [101, 102, 103];

/**
 * True while a bird sits on this one sensor.
 * @param device key of the device
 * @param now milliseconds since 1970
 */
export function birdOn(seed: number, device: number, now: number): boolean {
  const span = Math.floor(now / SPAN_MS);
  if (chance(seed, device, span, COMES) >= VISITS) return false;
  const stays = SHORTEST_MS + chance(seed, device, span, STAYS) * (LONGEST_MS - SHORTEST_MS);
  const comes = chance(seed, device, span, WAITS) * (SPAN_MS - stays);
  const since = now - span * SPAN_MS - comes;
  return since >= 0 && since < stays;
}
