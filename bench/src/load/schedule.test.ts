import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Schedule } from './schedule.js';

const stretches = fc.array(
  fc.record({ rate: fc.integer({ min: 1, max: 100_000 }), seconds: fc.integer({ min: 1, max: 20 }) }),
  { minLength: 1, maxLength: 4 },
);

describe('Schedule', () => {
  it('spaces readings evenly from the start', () => {
    const schedule = new Schedule([{ rate: 1000, seconds: 2 }]);
    expect([schedule.total, schedule.durationMs]).toEqual([2000, 2000]);
    expect([0, 1, 999].map((reading) => schedule.dueAt(reading))).toEqual([0, 1, 999]);
    expect([-1, 0, 0.9, 1, 1999, 2000, 9999].map((at) => schedule.dueBy(at))).toEqual([
      0, 1, 1, 2, 2000, 2000, 2000,
    ]);
  });

  it('changes the rate with each stretch', () => {
    const schedule = new Schedule([
      { rate: 10, seconds: 1 },
      { rate: 1000, seconds: 1 },
      { rate: 10, seconds: 1 },
    ]);
    expect(schedule.total).toBe(1020);
    expect([9, 10, 11, 1010].map((reading) => schedule.dueAt(reading))).toEqual([900, 1000, 1001, 2000]);
  });

  it('counts a reading from its due time, and the next one not yet', () => {
    fc.assert(
      fc.property(stretches, fc.nat(), (list, seed) => {
        const schedule = new Schedule(list);
        const reading = seed % schedule.total;
        const dueAt = schedule.dueAt(reading);
        expect(schedule.dueBy(dueAt + 1e-6)).toBeGreaterThanOrEqual(reading + 1);
        expect(schedule.dueBy(dueAt - 1e-6)).toBeLessThanOrEqual(reading);
      }),
    );
  });

  it('limits crossings to one half of the devices in a stretch', () => {
    const schedule = new Schedule([
      { rate: 10, seconds: 1, crossing: 'b' },
      { rate: 10, seconds: 1 },
    ]);
    expect([schedule.mayCross(9, 19), schedule.mayCross(9, 20), schedule.mayCross(10, 19)]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
