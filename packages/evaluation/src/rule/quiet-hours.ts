import type { Rule } from './rule.js';

/** Tells whether a time falls into the quiet hours of a rule. */
export interface QuietHours {
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
  /** When the quiet hours that are now will end, ms since 1970; undefined if it is not quiet. */
  endOf(now: number): number | undefined;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * Compiles quiet hours. They are hours of the wall clock: on the day that the clock is put back, an hour that comes twice is quiet
 * twice; on the day that it is put forward, quiet hours that would end in the hour that is left out end with the jump.
 * `from` equal to `to` is never. Computing an offset takes a formatter some microseconds, so the answer is kept as long as it holds.
 */
export function quietHours({ from, to, timeZone }: NonNullable<Rule['quiet']>): QuietHours {
  const start = minutes(from) * MINUTE_MS;
  const length = (minutes(to) * MINUTE_MS - start + DAY_MS) % DAY_MS;
  const offsetOf = offsets(timeZone);
  // Time since `from` on the wall clock: quiet while it is less than `length`.
  const sinceStart = (at: number, offset: number) => (((at + offset - start) % DAY_MS) + DAY_MS) % DAY_MS;
  let known = { from: 0, until: 0, isQuiet: false };

  /** When quiet turns to loud, or the other way round, at the earliest after a time. */
  const changeAfter = (at: number, isQuiet: boolean): number => {
    let time = at;
    // A zone changes its clock once at most before the next change of hours; three rounds are more than enough.
    for (let round = 0; round < 3; round += 1) {
      const offset = offsetOf(time);
      const change = time + (isQuiet ? length : DAY_MS) - sinceStart(time, offset);
      const jump = jumpBetween(offsetOf, time, change);
      if (jump === undefined) return change;
      if (sinceStart(jump, offsetOf(jump)) < length !== isQuiet) return jump;
      time = jump;
    }
    return time;
  };

  return {
    from,
    to,
    timeZone,
    endOf(now) {
      if (length === 0) return undefined;
      if (now < known.from || now >= known.until) {
        const isQuiet = sinceStart(now, offsetOf(now)) < length;
        known = { from: now, until: changeAfter(now, isQuiet), isQuiet };
      }
      return known.isQuiet ? known.until : undefined;
    },
  };
}

/** When the offset changes between two times, to the millisecond; undefined if it is the same at both. */
function jumpBetween(offsetOf: (at: number) => number, from: number, to: number): number | undefined {
  const before = offsetOf(from);
  if (offsetOf(to) === before) return undefined;
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetOf(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** The offset of a zone's wall clock from UTC at a time, milliseconds. */
function offsets(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
    const { year, month, day, hour, minute, second } = parts;
    const wall = Date.UTC(year!, month! - 1, day, hour, minute, second);
    return wall - Math.floor(at / 1000) * 1000;
  };
}

function minutes(time: string): number {
  const [hour, minute] = time.split(':');
  return Number(hour) * 60 + Number(minute);
}
