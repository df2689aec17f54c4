import { durationSchema } from '@lamplighter/contracts/duration';
import type { TelemetryInterval } from '@lamplighter/store/settings';
import { z } from 'zod';

/** Shortest and longest interval that can be set, milliseconds. */
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 24 * 3_600_000;
/** A measured interval within this factor of the desired one is as desired; silence of more than this many intervals is late. */
const TOLERANCE = 2;

export const telemetryIntervalSetting = durationSchema(MIN_INTERVAL_MS, MAX_INTERVAL_MS).meta({
  pattern: '^\\d{1,9}(ms|s|m|h|d)$',
  description:
    'How often the device measures, from "100ms" to "24h"; null clears it: the device measures as it would by itself',
});

export const telemetryIntervalSchema = z
  .object({
    desiredMs: z.int().optional().meta({ description: 'How often it is to measure, if that was set' }),
    measuredMs: z
      .number()
      .optional()
      .meta({ description: 'The median time between its last 20 live readings; absent of fewer than two' }),
    pace: z.enum(['ok', 'too_fast', 'too_slow']).optional().meta({
      description: 'The measured interval beside the desired one: within a factor of 2, shorter, or longer',
    }),
    late: z.boolean().meta({
      description:
        'Its last state is older than twice the desired interval, or the measured one if none is desired',
    }),
  })
  .meta({ id: 'TelemetryInterval' });

/** The interval as the API shows it; undefined if nothing is set and nothing can be measured. */
export function telemetryIntervalBody(
  { desiredMs, measuredMs }: TelemetryInterval,
  ageMs: number | undefined,
): z.infer<typeof telemetryIntervalSchema> | undefined {
  const expectedMs = desiredMs ?? measuredMs;
  if (expectedMs === undefined) return undefined;
  return {
    ...(desiredMs !== undefined && { desiredMs }),
    ...(measuredMs !== undefined && { measuredMs }),
    ...(desiredMs !== undefined && measuredMs !== undefined && { pace: paceOf(desiredMs, measuredMs) }),
    late: ageMs !== undefined && ageMs > TOLERANCE * expectedMs,
  };
}

function paceOf(desiredMs: number, measuredMs: number): 'ok' | 'too_fast' | 'too_slow' {
  if (measuredMs * TOLERANCE < desiredMs) return 'too_fast';
  return measuredMs > desiredMs * TOLERANCE ? 'too_slow' : 'ok';
}
