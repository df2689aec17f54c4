import type { TelemetryInterval } from '@lamplighter/store/devices/settings';
import { z } from 'zod';

/** Tolerated factor between measured and desired interval; silence for more than this many intervals is late. */
const TOLERANCE = 2;

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
