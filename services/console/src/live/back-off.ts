const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/** The delay before the next attempt to connect: doubles up to 15 s, with jitter, so that many consoles do not return at the same time. */
export function backOff(failures: number, random = Math.random()): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  return longest / 2 + (longest / 2) * random;
}
