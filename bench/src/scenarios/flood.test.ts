import { describe, expect, it } from '@jest/globals';
import { recovery } from './flood.js';

describe('recovery from a flood', () => {
  /** A loop every 10 ms from 0 to 3 s, with the latency that the function gives. */
  const loops = (latency: (dueAt: number) => number) =>
    Array.from({ length: 300 }, (_, i) => ({ dueAt: i * 10, latencyMs: latency(i * 10) }));

  it('is at once if loops are never slow', () => {
    expect(
      recovery(
        loops(() => 5),
        0,
        3000,
      ),
    ).toBe(0);
  });

  it('counts to the end of the last slow slice, give or take one loop in a hundred', () => {
    expect(
      recovery(
        loops((at) => (at < 600 ? 400 : 5)),
        0,
        3000,
      ),
    ).toBe(0.75);
  });

  it('a slice without any loop is not normal', () => {
    const gap = loops(() => 5).filter(({ dueAt }) => dueAt >= 500);
    expect(recovery(gap, 0, 3000)).toBe(0.5);
  });

  it('does not exist while loops are slow, or if too little time is left to see', () => {
    const never = loops(() => 200);
    const late = loops((at) => (at < 1100 ? 400 : 5));
    expect([recovery(never, 0, 3000), recovery(late, 0, 3000)]).toEqual([undefined, undefined]);
  });
});
