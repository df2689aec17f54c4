import { identitySchema } from '@lamplighter/contracts/identity';
import { z } from 'zod';
import { CURSOR, limitSchema, nextSchema } from '../requests/page.js';

const count = (description: string) => z.int().min(0).meta({ description });

export const fleetSchema = z
  .object({
    fleet: z.string(),
    devices: z
      .object({
        online: count('Heard of within the last 30 s'),
        stale: count('Silent for longer'),
        offline: count('Said goodbye, or their will came'),
        never_seen: count('A command waits for them, but they never spoke'),
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
  limit: limitSchema(500),
  cursor: identitySchema.optional().meta({ description: CURSOR }),
});
