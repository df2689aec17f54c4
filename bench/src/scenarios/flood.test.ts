import { describe, expect, it } from '@jest/globals';
import { recoverySeconds } from './flood.js';

describe('recoverySeconds', () => {
  /** A loop every 10 ms from 0 to 3 s. */
  const loops = (latency: (dueAt: number) => number) =>
    Array.from({ length: 300 }, (_, i) => ({ dueAt: i * 10, latencyMs: latency(i * 10) }));

  it('is 0 if loops are never slow', () => {
    expect(
      recoverySeconds(
        loops(() => 5),
        0,
        3000,
      ),
    ).toBe(0);
  });

  it('ends with the last slow slice, ignoring one loop in a hundred', () => {
    expect(
      recoverySeconds(
        loops((at) => (at < 600 ? 400 : 5)),
        0,
        3000,
      ),
    ).toBe(0.75);
  });

  it('does not end in a slice without loops', () => {
    const gap = loops(() => 5).filter(({ dueAt }) => dueAt >= 500);
    expect(recoverySeconds(gap, 0, 3000)).toBe(0.5);
  });

  it('is undefined while loops are slow, or if too little time is left', () => {
    const never = loops(() => 200);
    const late = loops((at) => (at < 1100 ? 400 : 5));
    expect([recoverySeconds(never, 0, 3000), recoverySeconds(late, 0, 3000)]).toEqual([undefined, undefined]);
  });
});
