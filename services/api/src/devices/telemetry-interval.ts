import { durationMs, durationSchema } from '@lamplighter/contracts/duration';
import { type AdaptiveInterval, INTERVAL_BOUNDS } from '@lamplighter/contracts/telemetry/adaptive-interval';
import type { TelemetryInterval } from '@lamplighter/store/devices/settings';
import { z } from 'zod';

/** A measured interval within this factor of the desired one is as desired; silence of more than this many intervals is late. */
const TOLERANCE = 2;

const interval = (description: string) =>
  durationSchema(INTERVAL_BOUNDS.minMs, INTERVAL_BOUNDS.maxMs).meta({
    pattern: '^\\d{1,9}(ms|s|m|h|d)$',
    description,
  });

const adaptiveSetting = z
  .strictObject({
    min: interval('The shortest time between two readings'),
    max: interval('The longest one. Presence and absence rules allow for it'),
    of: z.string().min(1).max(64).meta({ description: 'The measurement that it follows' }),
    threshold: z.union([z.number(), z.array(z.number()).min(1).max(4)]).meta({
      description: 'Where decisions change, up to four values: for instance where a rule raises and clears',
    }),
  })
  .refine(({ min, max }) => durationMs(min)! <= durationMs(max)!, {
    path: ['max'],
    error: 'must not be shorter than "min"',
  })
  .meta({
    id: 'AdaptiveInterval',
    description: 'Short near a threshold and while the measurement moves towards one, long far away from all',
    examples: [{ min: '1s', max: '60s', of: 'light', threshold: [300, 330] }],
  });

export const telemetryIntervalSetting = z.union([
  interval(
    'How often the device measures, from "100ms" to "24h"; null clears it: the device measures as it would by itself',
  ),
  adaptiveSetting,
]);
export type TelemetryIntervalSetting = z.infer<typeof telemetryIntervalSetting>;

/** The setting as a device is told it. */
export function intervalOfSetting(setting: TelemetryIntervalSetting): number | AdaptiveInterval {
  if (typeof setting === 'string') return durationMs(setting)!;
  const { min, max, of, threshold } = setting;
  return { min: durationMs(min)!, max: durationMs(max)!, of, thresholds: [threshold].flat() };
}

export const telemetryIntervalSchema = z
  .object({
    desiredMs: z.int().optional().meta({ description: 'How often it is to measure, if that was set' }),
    adaptive: z
      .object({ minMs: z.int(), maxMs: z.int(), of: z.string(), thresholds: z.array(z.number()) })
      .optional()
      .meta({ description: 'How it is to follow a measurement, if that was set' }),
    measuredMs: z
      .number()
      .optional()
      .meta({ description: 'The median time between its last 20 live readings; absent of fewer than two' }),
    pace: z.enum(['ok', 'too_fast', 'too_slow']).optional().meta({
      description:
        'The measured interval beside the desired one, or beside the bounds of an adaptive one: within a factor of 2, shorter, or longer',
    }),
    late: z.boolean().meta({
      description:
        'Its last state is older than twice the desired interval (the longest one, if it is adaptive), or the measured one if none is desired',
    }),
  })
  .meta({ id: 'TelemetryInterval' });

/** The interval as the API shows it; undefined if nothing is set and nothing can be measured. */
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
