/** How long to wait between attempts to connect, milliseconds. */
export interface Backoff {
  /** Longest wait before the first retry. */
  readonly firstMs: number;
  /** Longest wait there is. */
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { firstMs: 2000, maxMs: 30_000 };

/**
 * The wait before a retry, milliseconds: the ceiling doubles with every failed attempt, and the wait lies anywhere between
 * a tenth of the ceiling and the ceiling, so that a fleet that lost its broker does not return in step.
 * @param attempt failed attempts before this one, from 0
 */
export function backoffMs(
  attempt: number,
  { firstMs, maxMs }: Backoff = DEFAULT_BACKOFF,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(ceiling * (0.1 + 0.9 * random()));
}
