import fc from 'fast-check';
import { THICKEST, throughClouds } from './clouds.js';
import { NOON } from './sun.js';

const seeds = fc.nat(1_000_000);
const places = fc.double({ min: 0, max: 1, noNaN: true });
const days = fc.double({ min: 0, max: 2e7, noNaN: true });

describe('throughClouds', () => {
  it('keeps noon above the threshold of the night-light rule', () => {
    expect(THICKEST * NOON).toBeGreaterThan(300);
    fc.assert(
      fc.property(seeds, places, days, (seed, place, day) => {
        const through = throughClouds(seed, place, day);
        expect(through).toBeGreaterThanOrEqual(THICKEST);
        expect(through).toBeLessThanOrEqual(1);
        expect(throughClouds(seed, place, day)).toBe(through);
      }),
    );
  });

  it('is similar for neighbours', () => {
    fc.assert(
      fc.property(seeds, places, days, (seed, place, day) => {
        const difference = throughClouds(seed, place, day) - throughClouds(seed, place + 0.005, day);
        expect(Math.abs(difference)).toBeLessThan(0.2);
      }),
    );
  });

  it('varies, with a clear sky about half of the time', () => {
    const sky = Array.from({ length: 1000 }, (_, i) => throughClouds(1, 0.5, 100 + i / 25));
    const clear = sky.filter((through) => through === 1).length;
    expect(clear).toBeGreaterThan(300);
    expect(clear).toBeLessThan(800);
    expect(Math.min(...sky)).toBeLessThan(0.6);
  });

  it('depends on the seed', () => {
    const skyOf = (seed: number) => Array.from({ length: 50 }, (_, i) => throughClouds(seed, 0.5, i / 25));
    expect(skyOf(1)).not.toEqual(skyOf(2));
  });
});
