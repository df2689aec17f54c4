import { chance, keyOf } from '../signals/random.js';

/** Simulated faults, for testing fault detection. */
export interface Faults {
  /** Share of lamps that burn out: they execute and acknowledge commands but emit no light. */
  readonly burnt: number;
  /** They burn out within this time after the start, milliseconds. */
  readonly burntWithinMs: number;
}

/** Keys that make the two random choices independent. */
const [WHICH, WHEN] = [201, 202];

/** When a lamp burns out, milliseconds after the start of the simulator; undefined if never. Depends only on the seed and the name. */
export function burnsOutAfter(
  seed: number,
  device: string,
  { burnt, burntWithinMs }: Faults,
): number | undefined {
  const key = keyOf(device);
  if (chance(seed, key, WHICH) >= burnt) return undefined;
  return Math.floor(chance(seed, key, WHEN) * burntWithinMs);
}
