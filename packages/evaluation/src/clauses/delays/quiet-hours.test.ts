import fc from 'fast-check';
import { quietHours } from './quiet-hours.js';

const at = (text: string) => new Date(text).getTime();
/** When the quiet hours at a time end, or `not quiet`. */
function endOf(from: string, to: string, timeZone: string, now: string): string {
  const end = quietHours({ from, to, timeZone }).endOf(at(now));
  return end === undefined ? 'not quiet' : new Date(end).toISOString().replace(':00.000Z', 'Z');
}

describe('quietHours', () => {
  it.each([
    ['13:00', '15:00', 'UTC', '2026-06-01T12:59:59.999Z', 'not quiet'],
    ['13:00', '15:00', 'UTC', '2026-06-01T13:00Z', '2026-06-01T15:00Z'],
    ['13:00', '15:00', 'UTC', '2026-06-01T14:59:59.999Z', '2026-06-01T15:00Z'],
    ['13:00', '15:00', 'UTC', '2026-06-01T15:00Z', 'not quiet'],
    ['22:00', '06:00', 'UTC', '2026-06-01T23:00Z', '2026-06-02T06:00Z'],
    ['22:00', '06:00', 'UTC', '2026-06-01T05:00Z', '2026-06-01T06:00Z'],
    ['22:00', '06:00', 'Europe/Berlin', '2026-06-01T20:00Z', '2026-06-02T04:00Z'],
    ['22:00', '06:00', 'Europe/Berlin', '2026-01-01T20:30Z', 'not quiet'],
    ['22:00', '06:00', 'Asia/Kolkata', '2026-01-01T16:30Z', '2026-01-02T00:30Z'],
    ['00:00', '00:00', 'UTC', '2026-06-01T13:00Z', 'not quiet'],
  ])('from %s to %s in %s: at %s, the end is %s', (from, to, timeZone, now, end) => {
    expect(endOf(from, to, timeZone, now)).toBe(end);
  });

  it.each([
    // 29 March 2026, Berlin: 02:00 becomes 03:00 at 01:00Z.
    ['22:00', '06:00', '2026-03-28T22:00Z', '2026-03-29T04:00Z'],
    ['22:00', '02:30', '2026-03-28T22:00Z', '2026-03-29T01:00Z'],
    ['02:30', '06:00', '2026-03-29T01:00Z', '2026-03-29T04:00Z'],
    ['02:00', '03:00', '2026-03-29T00:59Z', 'not quiet'],
    // 25 October 2026: 03:00 becomes 02:00 at 01:00Z.
    ['22:00', '06:00', '2026-10-24T21:00Z', '2026-10-25T05:00Z'],
    ['22:00', '02:30', '2026-10-24T21:00Z', '2026-10-25T00:30Z'],
    ['22:00', '02:30', '2026-10-25T00:45Z', 'not quiet'],
    ['22:00', '02:30', '2026-10-25T01:10Z', '2026-10-25T01:30Z'],
    ['02:45', '06:00', '2026-10-25T00:50Z', '2026-10-25T01:00Z'],
  ])('from %s to %s on a day with a clock change: at %s, the end is %s', (from, to, now, end) => {
    expect(endOf(from, to, 'Europe/Berlin', now)).toBe(end);
  });

  it('agrees with a wall clock for queries in any order', () => {
    const clock = (timeZone: string) =>
      new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    const times = fc.integer({ min: 0, max: 24 * 60 - 1 }).map((minutes) => {
      const two = (value: number) => String(value).padStart(2, '0');
      return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
    });
    const zones = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'UTC',
    );
    const around = fc.oneof(
      fc.integer({ min: at('2026-03-06T00:00Z'), max: at('2026-04-07T00:00Z') }),
      fc.integer({ min: at('2026-10-02T00:00Z'), max: at('2026-11-03T00:00Z') }),
    );
    fc.assert(
      fc.property(
        times,
        times,
        zones,
        fc.array(around, { minLength: 1, maxLength: 20 }),
        (from, to, timeZone, queries) => {
          const quiet = quietHours({ from, to, timeZone });
          const wall = clock(timeZone);
          const isQuiet = (now: number) => {
            const time = wall.format(now);
            return from <= to ? from <= time && time < to : from !== to && (time >= from || time < to);
          };
          for (const now of queries) {
            const end = quiet.endOf(now);
            expect(end !== undefined).toBe(isQuiet(now));
            if (end === undefined) continue;
            expect([isQuiet(end - 1), isQuiet(end)]).toEqual([true, false]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
