/** `npm run test:security` sends more than the short selection in `npm test`. */
export const IS_FULL = process.env.SECURITY_FULL === '1';

/** Random choices that a seed repeats. */
export interface Random {
  /** An integer from 0 to below `limit`. */
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Buffer;
}

/** Prints the seed, so that a failure can be repeated: `SECURITY_SEED=<seed> npm run test:security`. */
export function printedSeed(): Random {
  const seed = Number(process.env.SECURITY_SEED ?? Math.floor(Math.random() * 2 ** 31));
  process.stderr.write(`SECURITY_SEED=${seed}\n`);
  return random(seed);
}

/** Mulberry32. */
function random(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    pick: (from) => from[below(from.length)]!,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
