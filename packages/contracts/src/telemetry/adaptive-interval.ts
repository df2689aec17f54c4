import { z } from 'zod';

/** Bounds of the time between two readings that can be asked of a device, milliseconds. */
export const INTERVAL_BOUNDS = { minMs: 100, maxMs: 24 * 3_600_000 } as const;
/** Thresholds that one interval may watch: those to raise and to clear, of two rules. */
const MAX_THRESHOLDS = 4;

/**
 * A telemetry interval that follows a measurement: short near a threshold and while moving towards one, long far away from all and while
 * nothing changes. As it is sent to a device, times in milliseconds.
 */
export const adaptiveIntervalSchema = z
  .strictObject({
    min: z.int().min(INTERVAL_BOUNDS.minMs).max(INTERVAL_BOUNDS.maxMs),
    max: z.int().min(INTERVAL_BOUNDS.minMs).max(INTERVAL_BOUNDS.maxMs),
    /** Name of the measurement. */
    of: z.string().min(1).max(64),
    thresholds: z.array(z.number()).min(1).max(MAX_THRESHOLDS),
  })
  .refine(({ min, max }) => min <= max, { path: ['max'], error: 'must not be less than "min"' });
export type AdaptiveInterval = z.infer<typeof adaptiveIntervalSchema>;

/** The longest time between two readings of a device that has this interval, milliseconds. */
export function longestIntervalMs(interval: number | AdaptiveInterval): number {
  return typeof interval === 'number' ? interval : interval.max;
}
