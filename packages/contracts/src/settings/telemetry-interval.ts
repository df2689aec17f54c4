import { z } from 'zod';
import { durationMs, durationSchema } from '../duration.js';
import type { DeviceSetting } from './device-setting.js';

/** Bounds of the time between readings of a device, milliseconds. */
const INTERVAL_BOUNDS = { minMs: 100, maxMs: 24 * 3_600_000 } as const;
/** Enough for the limits of two rules with hysteresis. */
const MAX_THRESHOLDS = 4;

const writtenInterval = (description: string) =>
  durationSchema(INTERVAL_BOUNDS.minMs, INTERVAL_BOUNDS.maxMs).meta({
    pattern: '^\\d{1,9}(ms|s|m|h|d)$',
    description,
  });

const writtenAdaptiveInterval = z
  .strictObject({
    min: writtenInterval('Shortest time between readings'),
    max: writtenInterval('Longest time between readings; presence and absence rules allow for it'),
    of: z.string().min(1).max(64).meta({ description: 'The measurement that sets the interval' }),
    threshold: z.union([z.number(), z.array(z.number()).min(1).max(MAX_THRESHOLDS)]).meta({
      description:
        'Up to four values at which decisions change, such as the limits at which a rule raises and clears',
    }),
  })
  .refine(({ min, max }) => durationMs(min)! <= durationMs(max)!, {
    path: ['max'],
    error: 'must not be shorter than "min"',
  })
  .meta({
    id: 'AdaptiveInterval',
    description:
      'Short near a threshold or while the measurement moves towards one, long far from all thresholds',
    examples: [{ min: '1s', max: '60s', of: 'light', threshold: [300, 330] }],
  });

const writtenSchema = z.union([
  writtenInterval(
    'How often the device measures, from "100ms" to "24h"; null clears the setting, and the device uses its default',
  ),
  writtenAdaptiveInterval,
]);

const intervalMs = z.int().min(INTERVAL_BOUNDS.minMs).max(INTERVAL_BOUNDS.maxMs);

/**
 * A telemetry interval that depends on a measurement: short near a threshold and while the measurement moves towards one, long far from
 * all thresholds and while nothing changes. As it is sent to a device, times in milliseconds.
 */
const adaptiveIntervalSchema = z
  .strictObject({
    min: intervalMs,
    max: intervalMs,
    /** Name of the measurement. */
    of: z.string().min(1).max(64),
    thresholds: z.array(z.number()).min(1).max(MAX_THRESHOLDS),
  })
  .refine(({ min, max }) => min <= max, { path: ['max'], error: 'must not be less than "min"' });
export type AdaptiveInterval = z.infer<typeof adaptiveIntervalSchema>;

/** The longest time between readings of a device that has this interval, milliseconds. */
export function longestIntervalMs(interval: number | AdaptiveInterval): number {
  return typeof interval === 'number' ? interval : interval.max;
}

/** How often a device measures: a fixed interval, or one that depends on a measurement. */
export const TELEMETRY_INTERVAL = {
  name: 'telemetryInterval',
  actionKey: 'telemetry_interval_ms',
  lane: 'telemetry_interval',
  field: 'interval',
  schema: writtenSchema,
  sentSchema: z.union([intervalMs, adaptiveIntervalSchema]),
  examples: ['10s', { min: '1s', max: '60s', of: 'light', threshold: 300 }],
  toSent(written) {
    if (typeof written === 'string') return durationMs(written)!;
    const { min, max, of, threshold } = written;
    return { min: durationMs(min)!, max: durationMs(max)!, of, thresholds: [threshold].flat() };
  },
  longestIntervalMs,
} as const satisfies DeviceSetting<z.infer<typeof writtenSchema>, number | AdaptiveInterval>;
