import { identitySchema } from '@lamplighter/contracts/identity';
import { z } from 'zod';
import { presenceSchema } from '../devices/device.schema.js';
import { timeSchema } from '../responses/iso-time.js';
import { CURSOR, nextSchema } from '../responses/page.js';

/** A page may contain a large fleet: its entries are small, and one request costs less than twenty. */
const MAX_DEVICES = 10_000;

const lastStateSchema = z.object({
  device: z.string(),
  presence: presenceSchema,
  ageMs: z.int().min(0).optional().meta({
    description: 'Age of the last state at `at`, milliseconds; absent if the device has never reported',
  }),
  measurements: z
    .record(z.string(), z.json())
    .optional()
    .meta({ description: 'Named values, as sent by the device; only the selected ones' }),
  pendingCommands: z.int().min(0).meta({ description: 'Commands that have not reached a final state' }),
});

export const lastStatesSchema = z
  .object({
    fleet: z.string(),
    at: timeSchema('When the states were read, on the Redis clock'),
    units: z.record(z.string(), z.string()).optional().meta({
      description: 'Units of measurements, from the telemetry schema of the fleet; absent if it names none',
    }),
    devices: z.array(lastStateSchema),
    next: nextSchema,
  })
  .meta({
    id: 'LastStates',
    examples: [
      {
        fleet: 'demo',
        at: '2026-11-22T12:00:00.000Z',
        devices: [
          {
            device: 'lamp-0001',
            presence: 'online',
            ageMs: 812,
            measurements: { light: 412, led_on: false },
            pendingCommands: 0,
          },
        ],
      },
    ],
  });
export type LastStatesBody = z.infer<typeof lastStatesSchema>;

export const lastStatesQuery = z.strictObject({
  limit: z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_DEVICES, `must be at most ${MAX_DEVICES}`)
    .default(MAX_DEVICES)
    .meta({ description: 'Maximum number of devices to return' }),
  cursor: identitySchema.optional().meta({ description: CURSOR }),
  measurement: z
    .union([z.string(), z.array(z.string()).max(50, 'must be at most 50 names')])
    .optional()
    .meta({ description: 'Only measurements with this name; may be given more than once' }),
});
