import fc from 'fast-check';
import { median, trimmedMean } from './averages.js';

const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 50 });
const trim = fc.double({ min: 0, max: 0.49, noNaN: true });

describe('median and trimmedMean', () => {
  it.each([
    [[7], 7],
    [[1, 9], 5],
    [[9, 1, 5], 5],
    [[1, 2, 3, 1000], 2.5],
  ])('median of %j is %d', (list, expected) => {
    expect(median(list)).toBe(expected);
  });

  it.each([
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 1000], 0.1, 5.5],
    [[10, 20, 999], 0.2, 20], // one of three is trimmed at each end, although a fifth of three is less than one
    [[10, 20], 0.4, 15],
    [[0, 0, 30], 0, 10], // nothing is trimmed
  ])('trimmedMean of %j with trim %d is %d', (list, share, expected) => {
    expect(trimmedMean(list, share)).toBeCloseTo(expected, 9);
  });

  it('lie between the minimum and the maximum', () => {
    fc.assert(
      fc.property(values, trim, (list, share) => {
        for (const average of [median(list), trimmedMean(list, share)]) {
          expect(average).toBeGreaterThanOrEqual(Math.min(...list));
          expect(average).toBeLessThanOrEqual(Math.max(...list));
        }
      }),
    );
  });

  it('do not depend on the order of the values', () => {
    fc.assert(
      fc.property(values, trim, (list, share) => {
        const reversed = list.toReversed();
        expect(median(reversed)).toBe(median(list));
        expect(trimmedMean(reversed, share)).toBe(trimmedMean(list, share));
      }),
    );
  });

  it('stay within the range of the other values if one value is arbitrary', () => {
    const usual = fc.array(fc.integer({ min: 400, max: 500 }), { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(usual, fc.double({ noNaN: true, min: -1e300, max: 1e300 }), (list, wrong) => {
        const withOutlier = [...list, wrong];
        for (const average of [median(withOutlier), trimmedMean(withOutlier, 0.2)]) {
          expect(average).toBeGreaterThanOrEqual(Math.min(...list));
          expect(average).toBeLessThanOrEqual(Math.max(...list));
        }
      }),
    );
  });
});
