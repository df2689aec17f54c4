import fc from 'fast-check';
import { NOON, sunlight } from './sun.js';

describe('sunlight', () => {
  it.each([
    ['midnight', 0, 0, 0],
    ['before dawn', 0.2, 0, 0],
    ['sunrise', 0.25, 80, 100],
    ['an hour after sunrise', 0.25 + 1 / 24, 300, 340],
    ['noon', 0.5, NOON - 0.001, NOON],
    ['an hour before sunset', 0.75 - 1 / 24, 300, 340],
    ['late evening', 0.85, 0, 0],
  ])('%s', (_when, phase, least, most) => {
    expect(sunlight(phase)).toBeGreaterThanOrEqual(least);
    expect(sunlight(phase)).toBeLessThanOrEqual(most);
  });

  it('repeats every day, symmetrically around noon, within the range of the sensor', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(100_000), (phase, day) => {
        expect(sunlight(phase + day)).toBeCloseTo(sunlight(phase), 4);
        expect(sunlight(1 - phase)).toBeCloseTo(sunlight(phase), 4);
        expect(sunlight(phase)).toBeGreaterThanOrEqual(0);
        expect(sunlight(phase)).toBeLessThanOrEqual(NOON);
      }),
    );
  });
});
