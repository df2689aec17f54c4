/** Quiet hours as a rule document has them. */
export interface QuietPeriod {
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
}

/** Compiled quiet hours. */
export interface QuietHours extends QuietPeriod {
  /** When the current quiet hours end, ms since 1970; undefined outside quiet hours. */
  endOf(now: number): number | undefined;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * Compiles quiet hours. They follow the wall clock: when it is set back, a repeated hour is quiet twice; when it is set forward, quiet
 * hours that would end in the skipped hour end at the jump. Equal `from` and `to` mean never. A formatter takes some microseconds to
 * compute an offset, so the result is cached until it changes.
 */
export function quietHours({ from, to, timeZone }: QuietPeriod): QuietHours {
  const start = minutes(from) * MINUTE_MS;
  const length = (minutes(to) * MINUTE_MS - start + DAY_MS) % DAY_MS;
  const offsetOf = offsets(timeZone);
  // Time since `from` on the wall clock: quiet while it is less than `length`.
  const sinceStart = (at: number, offset: number) => (((at + offset - start) % DAY_MS) + DAY_MS) % DAY_MS;
  let cached = { from: 0, until: 0, isQuiet: false };

  /** The next start or end of quiet hours after a time. */
  const changeAfter = (at: number, isQuiet: boolean): number => {
    let time = at;
    // A zone changes its clock at most once before the next start or end, so three rounds suffice.
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
      if (now < cached.from || now >= cached.until) {
        const isQuiet = sinceStart(now, offsetOf(now)) < length;
        cached = { from: now, until: changeAfter(now, isQuiet), isQuiet };
      }
      return cached.isQuiet ? cached.until : undefined;
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
