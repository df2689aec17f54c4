import fc from 'fast-check';
import { backoffMs, DEFAULT_BACKOFF } from './backoff.js';

const policy = { firstMs: 1000, maxMs: 8000 };
const longest = (attempt: number) => backoffMs(attempt, policy, () => 1);

describe('the wait between attempts to connect', () => {
  it('doubles with every failure, up to the longest there is', () => {
    expect([0, 1, 2, 3, 4, 400].map(longest)).toEqual([1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('is spread over nearly all of its range, and is never nothing', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const wait = backoffMs(attempt, policy, () => random);
        expect(wait).toBeGreaterThanOrEqual(longest(attempt) / 10);
        expect(wait).toBeLessThanOrEqual(longest(attempt));
      }),
    );
  });

  it('brings a fleet back within a minute, however long the broker was away', () => {
    expect(DEFAULT_BACKOFF.maxMs).toBeLessThanOrEqual(30_000);
  });
});
