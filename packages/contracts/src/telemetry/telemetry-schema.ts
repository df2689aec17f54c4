import { z } from 'zod';
import { BOUNDS } from '../bounds.js';

/** The declared types of measurements. `object` is an object or a list. */
const MEASUREMENT_TYPES = ['number', 'boolean', 'string', 'object'] as const;
export type MeasurementType = (typeof MEASUREMENT_TYPES)[number];

const measurementNameSchema = z
  .string()
  .min(1)
  .max(BOUNDS.maxNameLength)
  .refine((name) => !name.startsWith('_'), 'must not start with "_", which is reserved')
  .refine((name) => !(name in Object.prototype), 'is not allowed as a name');

const declarationSchema = z
  .strictObject({
    type: z.enum(MEASUREMENT_TYPES),
    description: z.string().max(200).optional(),
    /** For display: `lx`, `°C`. */
    unit: z.string().max(32).optional(),
    /** For numbers: the range of the sensor. */
    min: z.number().optional(),
    max: z.number().optional(),
  })
  .superRefine(({ type, min, max }, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (type !== 'number' && min !== undefined) wrong('min', 'is only valid for numbers');
    if (type !== 'number' && max !== undefined) wrong('max', 'is only valid for numbers');
    if (min !== undefined && max !== undefined && min > max) wrong('max', 'is below "min"');
  });

/**
 * What the devices of a fleet measure: `{"measurements": {"light": {"type": "number", "unit": "lx", "min": 0, "max": 1023}}}`.
 * If a fleet has a declaration, the expressions of its rules are checked against it when they are written: unknown names and wrong types
 * are errors. A reading of a different type is accepted and reported.
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

/** Limit of declared measurements per fleet. */
const MAX_DECLARED = 256;
