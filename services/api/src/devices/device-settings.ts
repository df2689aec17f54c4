import { identitySchema } from '@lamplighter/contracts/identity';
import { z } from 'zod';
import { telemetryIntervalSetting } from './telemetry-interval.js';

/** One setting of a device. Each setting is sent in its own command. */
export const settingsSchema = z
  .strictObject({
    telemetryInterval: telemetryIntervalSetting.nullable().optional(),
    edgeRule: identitySchema.nullable().optional().meta({
      description: 'The rule that the device evaluates while its link is down; null removes it',
    }),
  })
  .refine(
    ({ telemetryInterval, edgeRule }) => (telemetryInterval === undefined) !== (edgeRule === undefined),
    {
      path: ['telemetryInterval'],
      error: 'must be the only setting: set either "telemetryInterval" or "edgeRule"',
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
