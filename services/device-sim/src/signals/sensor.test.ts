import fc from 'fast-check';
import { keyOf } from './random.js';
import { GLOW, lightAt, type Spot, type World, withGlow } from './sensor.js';

const LIMIT = 300;
const world: World = { seed: 1, dayMs: 120_000 };
const spot = (index: number, devices = 50): Spot => ({
  device: keyOf(`lamp-${index}`),
  place: index / devices,
});

const worlds = fc.record({ seed: fc.nat(1_000_000), dayMs: fc.constantFrom(120_000, 3_600_000, 86_400_000) });
const spots = fc.record({ device: fc.integer(), place: fc.double({ min: 0, max: 1, noNaN: true }) });
const times = fc.integer({ min: 1_700_000_000_000, max: 2_000_000_000_000 });

describe('lightAt', () => {
  it('is an integer from 0 to 1023 that depends on seed, device and time', () => {
    fc.assert(
      fc.property(worlds, spots, times, fc.boolean(), (someWorld, someSpot, now, lampOn) => {
        const light = lightAt(someWorld, someSpot, now, lampOn);
        expect(Number.isInteger(light) && light >= 0 && light <= 1023).toBe(true);
        expect(lightAt(someWorld, someSpot, now, lampOn)).toBe(light);
      }),
    );
  });

  it('crosses the threshold independently of the lamp', () => {
    fc.assert(
      fc.property(worlds, spots, times, (someWorld, someSpot, now) => {
        const [off, on] = [false, true].map((lampOn) => lightAt(someWorld, someSpot, now, lampOn));
        expect(on! < LIMIT).toBe(off! < LIMIT);
        expect(on!).toBeGreaterThanOrEqual(off!);
      }),
    );
  });

  it.each([
    [0, GLOW],
    [100, 170],
    [239, 239.5],
    [240, 240],
    [299.9, 299.9],
    [1000, 1000],
  ])('reads daylight of %d as %d with the lamp on', (ambient, seen) => {
    expect(withGlow(ambient)).toBeCloseTo(seen);
  });

  it('grows with daylight, with the lamp on and off', () => {
    const light = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(light, light, (a, b) => {
        expect(withGlow(Math.max(a, b))).toBeGreaterThanOrEqual(withGlow(Math.min(a, b)));
      }),
    );
  });

  it('crosses 300 every day on every sensor, a bounded number of times', () => {
    for (const index of [1, 13, 25, 37, 50]) {
      const dark = Array.from(
        { length: 300 },
        (_, i) => lightAt(world, spot(index), i * 2000, false) < LIMIT,
      );
      const changes = dark.filter((now, i) => i > 0 && now !== dark[i - 1]).length;
      // Five days with at least a dusk and a dawn each; clouds and birds add more.
      expect(changes).toBeGreaterThanOrEqual(9);
      expect(changes).toBeLessThanOrEqual(40);
    }
  });

  it('crosses 300 in a fleet of fifty at least every twenty seconds of a two-minute day', () => {
    const darkAt = (now: number) =>
      Array.from({ length: 50 }, (_, i) => lightAt(world, spot(i + 1), now, false) < LIMIT);
    for (let now = 1_800_000_000_000; now < 1_800_000_600_000; now += 20_000) {
      expect(darkAt(now + 20_000)).not.toEqual(darkAt(now));
    }
  });
});
