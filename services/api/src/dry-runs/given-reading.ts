import { BOUNDS } from '@lamplighter/contracts/bounds';
import { type Measurement, readingSchema } from '@lamplighter/contracts/telemetry/reading';
import type { z } from 'zod';

/** A reading in a request, as a device could have sent it. */
export const givenReadingSchema = readingSchema
  .refine(
    (reading) => Object.keys(reading).length <= BOUNDS.maxKeys,
    `must have at most ${BOUNDS.maxKeys} keys`,
  )
  .refine(
    (reading) => Object.keys(reading).every((name) => name.length <= BOUNDS.maxNameLength),
    `must have names of at most ${BOUNDS.maxNameLength} characters`,
  );

/** The measurements of a reading, without the keys of the protocol. */
export function measurementsOf(reading: z.infer<typeof givenReadingSchema>): Record<string, Measurement> {
  return Object.fromEntries(Object.entries(reading).filter(([name]) => !name.startsWith('_'))) as Record<
    string,
    Measurement
  >;
}
