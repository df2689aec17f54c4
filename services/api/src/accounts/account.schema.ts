import { identitySchema } from '@lamplighter/contracts/identity';
import type { DeviceAccount } from '@lamplighter/store/accounts/device-accounts';
import { z } from 'zod';
import { isoTime, timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';

/** Maximum number of devices that one request enrols; that many names fit into a body. */
const MAX_ENROLLED_AT_ONCE = 500;

/** Accounts that the broker has for services and for readers of fleets. */
const isReserved = (name: string) => ['rules', 'health'].includes(name) || name.endsWith('.reader');

export const newDevicesSchema = z
  .strictObject({
    devices: z
      .array(identitySchema.refine((name) => !isReserved(name), 'is reserved'))
      .min(1)
      .max(MAX_ENROLLED_AT_ONCE)
      .refine((names) => new Set(names).size === names.length, 'must not contain a name twice')
      .meta({ description: 'Names, unique in the installation' }),
  })
  .meta({ id: 'NewDevices', examples: [{ devices: ['pump-1', 'pump-2'] }] });
export type NewDevices = z.infer<typeof newDevicesSchema>;

export const devicePasswordSchema = z
  .object({
    fleet: z.string(),
    device: z
      .string()
      .meta({ description: 'The name of the device, which is also the user name at the broker' }),
    password: z.string().meta({ description: 'The password, which cannot be read again' }),
  })
  .meta({
    id: 'DevicePassword',
    examples: [{ fleet: 'plant', device: 'pump-1', password: 'A'.repeat(32) }],
  });

export const enrolledDevicesSchema = z
  .object({ devices: z.array(devicePasswordSchema) })
  .meta({ id: 'EnrolledDevices' });

export const accountSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    enabled: z.boolean().meta({ description: 'Whether the device may connect' }),
    createdAt: timeSchema('When the device was enrolled'),
    changedAt: timeSchema('When the account last changed: enrolled, enabled, disabled, or a new password'),
  })
  .meta({
    id: 'DeviceAccount',
    examples: [
      {
        fleet: 'plant',
        device: 'pump-1',
        enabled: true,
        createdAt: '2026-11-22T12:00:00.000Z',
        changedAt: '2026-11-22T12:00:00.000Z',
      },
    ],
  });
export type AccountBody = z.infer<typeof accountSchema>;

export const accountPageSchema = z
  .object({ accounts: z.array(accountSchema), next: nextSchema })
  .meta({ id: 'DeviceAccountPage' });

export const accountsQuery = z.strictObject({
  limit: limitSchema,
  cursor: identitySchema.optional().meta({ description: CURSOR }),
});

export const accountChangeSchema = z
  .strictObject({ enabled: z.boolean() })
  .meta({ id: 'DeviceAccountChange', examples: [{ enabled: false }] });

export function accountBody({ fleet, device, state, createdAt, changedAt }: DeviceAccount): AccountBody {
  return {
    fleet,
    device,
    enabled: state === 'enabled',
    createdAt: isoTime(createdAt),
    changedAt: isoTime(changedAt),
  };
}
