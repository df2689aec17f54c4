import { chance, keyOf } from '../signals/random.js';

/** Faults that lamps have on purpose, so that whoever looks for them can be judged. */
export interface Faults {
  /** Share of lamps that burn out: they do as they are told, say so, and no longer shine. */
  readonly burnt: number;
  /** They do so at some moment within this time from the start, milliseconds. */
  readonly burntWithinMs: number;
}

/** Marks the two questions to chance; they must not give related answers. */
const [WHICH, WHEN] = [201, 202];

/** When a lamp burns out, milliseconds from the start of the simulator; undefined if never. Seed and name alone decide. */
export function burnsOutAfter(
  seed: number,
  device: string,
  { burnt, burntWithinMs }: Faults,
): number | undefined {
  const key = keyOf(device);
  if (chance(seed, key, WHICH) >= burnt) return undefined;
  return Math.floor(chance(seed, key, WHEN) * burntWithinMs);
}
