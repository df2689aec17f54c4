import fc from 'fast-check';
import { chance, keyOf, smoothNoise } from './random.js';

const whole = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe('chance', () => {
  it('is deterministic and in range', () => {
    fc.assert(
      fc.property(fc.array(whole, { minLength: 1, maxLength: 4 }), (keys) => {
        const value = chance(...keys);
        expect(chance(...keys)).toBe(value);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
      }),
    );
  });

  it.each([
    ['neighbouring keys', (i: number) => chance(7, i)],
    ['neighbouring seeds', (i: number) => chance(i, 7)],
    ['names that differ in a digit', (i: number) => chance(1, keyOf(`lamp-${i}`))],
  ])('is uniform over %s', (_what, at) => {
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i += 1) buckets[Math.floor(at(i) * 10)]! += 1;
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('returns recorded values', () => {
    expect([chance(1), chance(1, 2), chance(1, 2, 3), smoothNoise(1, 2.5, 3.5)]).toMatchInlineSnapshot(`
[
  0.6181003095116466,
  0.3990524609107524,
  0.9095257360022515,
  0.8357382675167173,
]
`);
  });
});

describe('smoothNoise', () => {
  it('is in range and continuous', () => {
    const coordinate = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(whole, coordinate, coordinate, (seed, x, y) => {
        const here = smoothNoise(seed, x, y);
        expect(here).toBeGreaterThanOrEqual(0);
        expect(here).toBeLessThanOrEqual(1);
        expect(Math.abs(smoothNoise(seed, x + 0.001, y) - here)).toBeLessThan(0.01);
        expect(Math.abs(smoothNoise(seed, x, y + 0.001) - here)).toBeLessThan(0.01);
      }),
    );
  });
});
