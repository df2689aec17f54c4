const whole = new Intl.NumberFormat('en');
const digits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** `1,234`, `25.1` or `0.0042`. */
export function number(value: number): string {
  return Number.isInteger(value) || Math.abs(value) >= 1000
    ? whole.format(Math.round(value))
    : digits.format(value);
}

/** `1 device` or `1,234 devices`. */
export function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A time span as in the api's sentences: `812 ms`, `12 s`, `3 min`, `2 h`, `5 d`. */
export function span(ms: number): string {
  const of = (unitMs: number, unit: string) => `${number(Math.floor(ms / unitMs))} ${unit}`;
  if (ms < 1000) return of(1, 'ms');
  if (ms < 120_000) return of(1000, 's');
  if (ms < 7_200_000) return of(60_000, 'min');
  if (ms < 172_800_000) return of(3_600_000, 'h');
  return of(86_400_000, 'd');
}

/** The time of day in the viewer's time zone. */
export function clockTime(at: number): string {
  return time.format(at);
}

/** The time, with the date unless it is today, in the viewer's time zone. */
export function localTime(at: number, now = Date.now()): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  return isToday ? clockTime(at) : `${date.format(at)}, ${clockTime(at)}`;
}

/** A value that a device sent, as text. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
