import { z } from 'zod';
import { BOUNDS } from '../bounds.js';

/** What a measurement may be declared as. `object` is anything nested: an object or a list. */
const MEASUREMENT_TYPES = ['number', 'boolean', 'string', 'object'] as const;
export type MeasurementType = (typeof MEASUREMENT_TYPES)[number];

const measurementNameSchema = z
  .string()
  .min(1)
  .max(BOUNDS.maxNameLength)
  .refine((name) => !name.startsWith('_'), 'must not begin with "_", which is the protocol\'s')
  .refine((name) => !(name in Object.prototype), 'is not allowed as a name');

const declarationSchema = z
  .strictObject({
    type: z.enum(MEASUREMENT_TYPES),
    description: z.string().max(200).optional(),
    /** For people: `lx`, `°C`. */
    unit: z.string().max(32).optional(),
    /** For numbers: the range that the sensor can show. */
    min: z.number().optional(),
    max: z.number().optional(),
  })
  .superRefine(({ type, min, max }, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (type !== 'number' && min !== undefined) wrong('min', 'is only for numbers');
    if (type !== 'number' && max !== undefined) wrong('max', 'is only for numbers');
    if (min !== undefined && max !== undefined && min > max) wrong('max', 'is below "min"');
  });

/**
 * What the devices of a fleet measure: `{"measurements": {"light": {"type": "number", "unit": "lx", "min": 0, "max": 1023}}}`.
 * Where a fleet has declared it, the expressions of its rules are checked against it when they are written: unknown names and
 * wrong types are errors. A reading of another type is accepted, and reported.
 */
export const telemetrySchemaSchema = z.strictObject({
  measurements: z
    .record(measurementNameSchema, declarationSchema)
    .refine(
      (measurements) => Object.keys(measurements).length <= MAX_DECLARED,
      'declares more than 256 measurements',
    ),
});
export type TelemetrySchema = z.infer<typeof telemetrySchemaSchema>;

/** Most measurements that one fleet may declare. */
const MAX_DECLARED = 256;
