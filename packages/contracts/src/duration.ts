import { z } from 'zod';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** Milliseconds of a duration such as `250ms`, `30s`, `5m`, `1h` or `7d`; undefined if the text is not a duration. */
export function durationMs(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** Milliseconds as a duration, in the largest unit that divides them: 90000 is `90s`, 0 is `0s`. */
export function durationText(ms: number): string {
  const units = Object.entries(UNIT_MS).toReversed();
  const [unit, unitMs] = (ms === 0 ? undefined : units.find(([, size]) => ms % size === 0)) ?? ['s', 1000];
  return `${ms / unitMs}${unit}`;
}

/** A duration such as `30s`; bounds in milliseconds. */
export const durationSchema = (minMs: number, maxMs: number) => {
  const bounds =
    minMs === 0 ? `at most ${durationText(maxMs)}` : `from ${durationText(minMs)} to ${durationText(maxMs)}`;
  const error = `must be a duration such as "30s", "5m" or "1h", ${bounds}`;
  return z.string({ error }).refine((text) => {
    const ms = durationMs(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs;
  }, error);
};
