import { describe, expect, it } from '@jest/globals';
import { median, percentile, slope } from './statistics.js';

describe('statistics', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);

  it.each([
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
  ])('finds the percentile of share %d by its rank', (share, value) => {
    expect(percentile(hundred, share)).toBe(value);
  });

  it('finds the percentile of one value, and NaN without values', () => {
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('takes the mean of the two middle values as the median of an even count', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
  });

  it('fits a line to find the slope', () => {
    const line = [0, 1, 2, 3].map((x) => ({ x, y: 5 + 2 * x }));
    expect(slope(line)).toBeCloseTo(2);
    expect(slope(line.slice(0, 1))).toBe(0);
  });
});
