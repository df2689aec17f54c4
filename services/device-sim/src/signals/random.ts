/**
 * A pseudo-random number in [0, 1) that depends only on its keys (integers; the lower 32 bits count). All randomness of the simulation
 * comes from it, so that a seed reproduces a run. Mixes as MurmurHash3 does.
 */
export function chance(...keys: number[]): number {
  let hash = 0x9e3779b9;
  for (const key of keys) {
    let mixed = Math.imul(key | 0, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash ^= mixed;
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Hashes a text to a key of `chance` (FNV-1a). */
export function keyOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** Value noise in [0, 1]: random values at integer grid points, interpolated smoothly. */
export function smoothNoise(seed: number, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [across, down] = [ease(x - left), ease(y - top)];
  const row = (at: number) => blend(chance(seed, left, at), chance(seed, left + 1, at), across);
  return blend(row(top), row(top + 1), down);
}

const ease = (t: number) => t * t * (3 - 2 * t);
const blend = (a: number, b: number, share: number) => a + (b - a) * share;
