import { identitySchema } from '@lamplighter/contracts/identity';
import { z } from 'zod';
import { telemetryIntervalSetting } from './telemetry-interval.js';

/** One setting of a device; each is brought to it by a command of its own. */
export const settingsSchema = z
  .strictObject({
    telemetryInterval: telemetryIntervalSetting.nullable().optional(),
    edgeRule: identitySchema.nullable().optional().meta({
      description: 'The rule of the fleet that the device follows while its link is down, or null for none',
    }),
  })
  .refine(
    ({ telemetryInterval, edgeRule }) => (telemetryInterval === undefined) !== (edgeRule === undefined),
    {
      path: ['telemetryInterval'],
      error: 'one setting at a time: "telemetryInterval" or "edgeRule"',
    },
  )
  .meta({
    id: 'DeviceSettings',
    examples: [
      { telemetryInterval: '10s' },
      { telemetryInterval: { min: '1s', max: '60s', of: 'light', threshold: 300 } },
      { edgeRule: 'night-light' },
    ],
  });
export type DeviceSettings = z.infer<typeof settingsSchema>;
