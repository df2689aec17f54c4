import { CANARY_FLEET, identitySchema } from '@lamplighter/contracts/identity';
import { z } from 'zod';

const fleetName = identitySchema
  .refine((name) => name !== CANARY_FLEET, 'is reserved')
  .meta({ description: 'Fleet', examples: ['demo'] });
const deviceName = identitySchema.meta({ description: 'Device', examples: ['lamp-0001'] });

/** The path of a fleet's resources. */
export const fleetPath = z.strictObject({ fleet: fleetName });
export type FleetPath = z.infer<typeof fleetPath>;

/** Query of writes that may create a fleet or device. */
export const allowUnknownQuery = z.strictObject({
  allowUnknown: z.enum(['true', 'false']).optional().meta({
    description:
      '`true` accepts a fleet or device that has never reported; otherwise an unknown one returns 404',
  }),
});
export type AllowUnknownQuery = z.infer<typeof allowUnknownQuery>;

/** The path of a device's resources. */
export const devicePath = z.strictObject({ fleet: fleetName, device: deviceName });
export type DevicePath = z.infer<typeof devicePath>;
