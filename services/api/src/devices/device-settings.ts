import { identitySchema } from '@lamplighter/contracts/identity';
import type { DeviceSetting } from '@lamplighter/contracts/settings/device-setting';
import { DEVICE_SETTINGS } from '@lamplighter/contracts/settings/device-settings';
import { z } from 'zod';

export const SETTINGS: readonly DeviceSetting[] = DEVICE_SETTINGS;

const schemas = Object.fromEntries(
  SETTINGS.map(({ name, schema }) => [name, schema.nullable().optional()] as const),
);
const names = [...SETTINGS.map(({ name }) => name), 'edgeRule'].map((name) => `"${name}"`);

/** One setting of a device. Each setting is sent in its own command. */
export const settingsSchema = z
  .strictObject({
    ...schemas,
    edgeRule: identitySchema.nullable().optional().meta({
      description: 'The rule that the device evaluates while its link is down; null removes it',
    }),
  })
  .refine((body) => Object.values(body).filter((value) => value !== undefined).length === 1, {
    path: [SETTINGS[0]!.name],
    error: `must be the only setting: set either ${names.join(' or ')}`,
  })
  .meta({
    id: 'DeviceSettings',
    examples: [
      ...SETTINGS.flatMap(({ name, examples }) => examples.map((example) => ({ [name]: example }))),
      { edgeRule: 'night-light' },
    ],
  });
export type DeviceSettings = z.infer<typeof settingsSchema>;

/** The current setting, as the API returns it. */
export const settingsBodySchema = z
  .object(Object.fromEntries(SETTINGS.map(({ name, sentSchema }) => [name, sentSchema.optional()] as const)))
  .meta({
    description: 'The settings of the device as they are sent to it; a setting that is not set is absent',
  });
