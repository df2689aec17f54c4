import { chance } from './random.js';

/** At most one bird lands on a sensor in each span, milliseconds. Spans are real time and do not scale with the simulated day. */
const SPAN_MS = 10_000;
/** Share of spans with a bird: about one every five minutes per sensor. */
const VISITS = 1 / 30;
const SHORTEST_MS = 2000;
const LONGEST_MS = 6000;
/** Share of light that reaches a covered sensor. */
export const UNDER_BIRD = 0.1;

/** Keys that make the three random choices independent. */
const [COMES, STAYS, WAITS] = [101, 102, 103];

/**
 * Whether a bird covers the sensor.
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
