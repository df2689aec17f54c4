/** Bounds of the wait before a retry. */
export interface Backoff {
  /** Upper bound of the first wait, milliseconds. */
  readonly firstMs: number;
  /** Upper bound of every wait, milliseconds. */
  readonly maxMs: number;
  /** The lower bound of a wait, as a share of its upper bound: 0.5 unless set. */
  readonly minShare?: number;
}

/**
 * The wait before a retry, milliseconds: exponential back-off with jitter. The upper bound doubles with each failure until it reaches
 * `maxMs`; the wait is uniformly distributed between `minShare` of that bound and the bound, so that clients that failed together do not
 * retry together. The default of 0.5 is "equal jitter" in Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 * @param failures doublings: 0 for the first wait
 */
export function backoffMs(
  failures: number,
  { firstMs, maxMs, minShare = 0.5 }: Backoff,
  random: () => number = Math.random,
): number {
  const ceilingMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
  return Math.round(ceilingMs * (minShare + (1 - minShare) * random()));
}

/**
 * A fixed period with jitter, so that replicas with the same period do not work in step.
 * @param share largest deviation, as a share of the period
 */
export function jitteredMs(periodMs: number, share = 0.5, random: () => number = Math.random): number {
  return periodMs * (1 + share * (2 * random() - 1));
}
