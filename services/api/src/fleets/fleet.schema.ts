import { identitySchema } from '@lamplighter/contracts/identity';
import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';

const count = (description: string) => z.int().min(0).meta({ description });

export const fleetSchema = z
  .object({
    fleet: z.string(),
    devices: z
      .object({
        online: count('Sent a message within the last 30 s'),
        stale: count('Silent for longer'),
        offline: count('Said goodbye, or the broker published their will'),
        never_seen: count('Have never reported, but a command or rule names them'),
      })
      .meta({ description: 'Devices by presence' }),
  })
  .meta({
    id: 'Fleet',
    examples: [{ fleet: 'demo', devices: { online: 48, stale: 1, offline: 1, never_seen: 0 } }],
  });
export type FleetBody = z.infer<typeof fleetSchema>;

export const fleetPageSchema = z
  .object({ fleets: z.array(fleetSchema), next: nextSchema })
  .meta({ id: 'FleetPage' });

export const fleetsQuery = z.strictObject({
  limit: limitSchema,
  cursor: identitySchema.optional().meta({ description: CURSOR }),
});

export const fleetRemovalSchema = z
  .object({
    fleet: z.string(),
    state: z.enum(['running', 'done']),
    removed: count('Devices removed so far'),
    startedAt: timeSchema('When the removal was requested'),
    endedAt: timeSchema('When it finished').optional(),
  })
  .meta({
    id: 'FleetRemoval',
    examples: [{ fleet: 'demo', state: 'running', removed: 300, startedAt: '2026-11-22T12:00:00.000Z' }],
  });
export type FleetRemovalBody = z.infer<typeof fleetRemovalSchema>;
