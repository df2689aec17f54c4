import fc from 'fast-check';
import { adaptiveIntervalMs, type Movement, observeMovement } from './adaptive-interval.js';

const SETTING = { min: 1000, max: 60_000, of: 'light', thresholds: [300] };
const moving = (value: number, slope: number, variance = 0): Movement => ({ value, at: 0, slope, variance });

it.each([
  ['constant and far away', moving(900, 0), 60_000],
  ['moving away', moving(310, 5), 60_000],
  ['moving towards it, far away', moving(900, -1), 60_000],
  ['moving towards it, 40 s away', moving(340, -1), 20_000],
  ['moving towards it, one second away', moving(301, -1), 1000],
  ['moving towards it from below', moving(260, 1), 20_000],
  ['fluctuating far away', moving(900, 0, 1600), 28_125],
  ['fluctuating near it', moving(320, 0, 100), 1000],
  ['on it, and moving', moving(300, 1), 1000],
])('%s: the next reading is due in time', (_, movement, expected) => {
  expect(adaptiveIntervalMs(SETTING, movement)).toBe(expected);
});

it('returns the minimum without a reading', () => {
  expect(adaptiveIntervalMs(SETTING, undefined)).toBe(1000);
});

it('uses the threshold that can be reached first', () => {
  const both = { ...SETTING, thresholds: [300, 330] };
  expect(adaptiveIntervalMs(both, moving(350, -1))).toBe(10_000);
  expect(adaptiveIntervalMs(both, moving(290, 1))).toBe(5000);
});

it('learns a steady slope, and forgets deviations', () => {
  let movement = observeMovement(undefined, 1000, 0);
  for (let second = 1; second <= 30; second += 1)
    movement = observeMovement(movement, 1000 - 10 * second, second * 1000);
  expect(movement.slope).toBeCloseTo(-10, 3);
  expect(movement.variance).toBeLessThan(0.1);
  expect(adaptiveIntervalMs(SETTING, movement)).toBe(20_000);
});

it('updates only the value if the clock stands still or goes backwards', () => {
  const movement = observeMovement(observeMovement(undefined, 10, 1000), 20, 2000);
  expect(observeMovement(movement, 50, 2000)).toEqual({ ...movement, value: 50 });
  expect(observeMovement(movement, 50, 500)).toEqual({ ...movement, value: 50, at: 500 });
});

it('stays within its limits for any measurements', () => {
  const reading = fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 20 }), (readings) => {
      let movement: Movement | undefined;
      for (const [value, at] of readings) movement = observeMovement(movement, value, at);
      const ms = adaptiveIntervalMs(SETTING, movement);
      expect(Number.isInteger(ms) && ms >= SETTING.min && ms <= SETTING.max).toBe(true);
    }),
  );
});
