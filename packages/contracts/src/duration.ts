import { z } from 'zod';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** Milliseconds of a duration such as `250ms`, `30s`, `5m`, `1h` or `7d`; undefined if it is none. */
export function durationMs(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** A duration as people write it; bounds in milliseconds. */
export const durationSchema = (minMs: number, maxMs: number) =>
  z.string().refine((text) => {
    const ms = durationMs(text);
    return ms !== undefined && ms >= minMs && ms <= maxMs;
  }, `must be a duration such as "30s", "5m" or "1h", between ${minMs} ms and ${maxMs} ms`);
