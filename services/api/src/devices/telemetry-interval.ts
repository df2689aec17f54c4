import { durationMs, durationSchema } from '@lamplighter/contracts/duration';
import { type AdaptiveInterval, INTERVAL_BOUNDS } from '@lamplighter/contracts/telemetry/adaptive-interval';
import type { TelemetryInterval } from '@lamplighter/store/devices/settings';
import { z } from 'zod';

/** Tolerated factor between measured and desired interval; silence for more than this many intervals is late. */
const TOLERANCE = 2;

const interval = (description: string) =>
  durationSchema(INTERVAL_BOUNDS.minMs, INTERVAL_BOUNDS.maxMs).meta({
    pattern: '^\\d{1,9}(ms|s|m|h|d)$',
    description,
  });

const adaptiveSetting = z
  .strictObject({
    min: interval('Shortest time between two readings'),
    max: interval('Longest time between two readings; presence and absence rules allow for it'),
    of: z.string().min(1).max(64).meta({ description: 'The measurement that sets the interval' }),
    threshold: z.union([z.number(), z.array(z.number()).min(1).max(4)]).meta({
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

export const telemetryIntervalSetting = z.union([
  interval(
    'How often the device measures, from "100ms" to "24h"; null clears the setting, and the device uses its default',
  ),
  adaptiveSetting,
]);
export type TelemetryIntervalSetting = z.infer<typeof telemetryIntervalSetting>;

/** The setting as it is sent to a device. */
export function intervalOfSetting(setting: TelemetryIntervalSetting): number | AdaptiveInterval {
  if (typeof setting === 'string') return durationMs(setting)!;
  const { min, max, of, threshold } = setting;
  return { min: durationMs(min)!, max: durationMs(max)!, of, thresholds: [threshold].flat() };
}

export const telemetryIntervalSchema = z
  .object({
    desiredMs: z.int().optional().meta({ description: 'The interval that is set, if any' }),
    adaptive: z
      .object({ minMs: z.int(), maxMs: z.int(), of: z.string(), thresholds: z.array(z.number()) })
      .optional()
      .meta({ description: 'The adaptive interval that is set, if any' }),
    measuredMs: z
      .number()
      .optional()
      .meta({ description: 'Median time between the last 20 live readings; absent for fewer than two' }),
    pace: z.enum(['ok', 'too_fast', 'too_slow']).optional().meta({
      description:
        'The measured interval compared with the desired one, or with the bounds of an adaptive one: ok within a factor of 2',
    }),
    late: z.boolean().meta({
      description:
        'Whether the last state is older than twice the desired interval (of an adaptive one, its maximum), or the measured one if none is set',
    }),
  })
  .meta({ id: 'TelemetryInterval' });

/** The interval as the API returns it; undefined if none is set and none can be measured. */
export function telemetryIntervalBody(
  { desiredMs, adaptive, measuredMs }: TelemetryInterval,
  ageMs: number | undefined,
): z.infer<typeof telemetryIntervalSchema> | undefined {
  const longestMs = desiredMs ?? adaptive?.max;
  const shortestMs = desiredMs ?? adaptive?.min;
  const expectedMs = longestMs ?? measuredMs;
  if (expectedMs === undefined) return undefined;
  return {
    ...(desiredMs !== undefined && { desiredMs }),
    ...(adaptive && {
      adaptive: {
        minMs: adaptive.min,
        maxMs: adaptive.max,
        of: adaptive.of,
        thresholds: [...adaptive.thresholds],
      },
    }),
    ...(measuredMs !== undefined && { measuredMs }),
    ...(shortestMs !== undefined &&
      longestMs !== undefined &&
      measuredMs !== undefined && { pace: paceOf(shortestMs, longestMs, measuredMs) }),
    late: ageMs !== undefined && ageMs > TOLERANCE * expectedMs,
  };
}

function paceOf(shortestMs: number, longestMs: number, measuredMs: number): 'ok' | 'too_fast' | 'too_slow' {
  if (measuredMs * TOLERANCE < shortestMs) return 'too_fast';
  return measuredMs > longestMs * TOLERANCE ? 'too_slow' : 'ok';
}
