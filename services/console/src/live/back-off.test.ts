import { backOff } from './back-off.js';

it('doubles the delay up to 15 s, between half and all of it', () => {
  expect([0, 1, 2, 10].map((failures) => backOff(failures, 1))).toEqual([500, 1000, 2000, 15_000]);
  expect(backOff(1000, 0)).toBe(7500);
});
