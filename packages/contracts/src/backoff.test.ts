import fc from 'fast-check';
import { backoffMs, jitteredMs } from './backoff.js';

const bounds = { firstMs: 1000, maxMs: 8000 };
const longest = (failures: number) => backoffMs(failures, bounds, () => 1);
const unit = fc.double({ min: 0, max: 1, noNaN: true });

describe('backoffMs', () => {
  it('doubles with each failure up to the maximum', () => {
    expect([0, 1, 2, 3, 4, 400].map(longest)).toEqual([1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('stays between the minimum share and the ceiling', () => {
    fc.assert(
      fc.property(fc.nat(100), unit, unit, (failures, minShare, random) => {
        const waitMs = backoffMs(failures, { ...bounds, minShare }, () => random);
        expect(waitMs).toBeGreaterThanOrEqual(Math.floor(longest(failures) * minShare));
        expect(waitMs).toBeLessThanOrEqual(longest(failures));
      }),
    );
  });

  it('waits at least half of the ceiling by default', () => {
    expect(backoffMs(1, bounds, () => 0)).toBe(1000);
  });
});

describe('jitteredMs', () => {
  it('deviates from the period by at most the share', () => {
    expect([0, 0.5, 1].map((random) => jitteredMs(1000, 0.2, () => random))).toEqual([800, 1000, 1200]);
  });
});
