import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import { REJECT_REASONS } from '@lamplighter/contracts/telemetry/reading';
import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';

const count = (description: string) => z.int().min(0).meta({ description });

/** The ledger of a fleet. */
export const ledgerSchema = z
  .object({
    fleet: z.string(),
    at: timeSchema(
      'When the ledger was read. A large fleet takes a moment, and its counts change meanwhile.',
    ),
    readings: z
      .object({
        declared: count('Taken by the devices that count their readings, as reported in `_n`'),
        declaringDevices: count('Devices that count their readings'),
        droppedByDevices: count('Of `declared`: dropped by the devices, as reported in `_dropped`'),
        stored: count('Became the last state on arrival'),
        late: count('Arrived after a newer one and were stored in order'),
        duplicate: count('Received more than once; not part of `declared`'),
        stale: count('Arrived too late: the window was full of newer ones'),
        rejected: z
          .partialRecord(z.enum(REJECT_REASONS), z.int().min(0))
          .meta({ description: 'Rejected, by reason' }),
        unexplained: count('Declared, but neither received nor dropped: in transit, or lost'),
      })
      .meta({ description: 'Readings taken by the devices, and their outcomes' }),
    commands: z
      .object({
        issued: z.object({
          rule: count('Issued by rules'),
          api: count('Issued through the API'),
          rollout: count('Issued by rollouts'),
        }),
        open: count('Pending, dispatched or acknowledged'),
        ...(Object.fromEntries(FINAL_STATES.map((state) => [state, count(`Ended as ${state}`)])) as Record<
          (typeof FINAL_STATES)[number],
          z.ZodInt
        >),
        unexplained: z.int().meta({ description: 'Issued, but neither open nor ended: always 0' }),
      })
      .meta({ description: 'Issued commands, and what happened to them' }),
  })
  .meta({
    id: 'Ledger',
    examples: [
      {
        fleet: 'demo',
        at: '2026-11-22T12:00:00.000Z',
        readings: {
          declared: 120500,
          declaringDevices: 50,
          droppedByDevices: 20,
          stored: 120000,
          late: 480,
          duplicate: 31,
          stale: 0,
          rejected: { schema: 2 },
          unexplained: 0,
        },
        commands: {
          issued: { rule: 812, api: 40, rollout: 50 },
          open: 2,
          succeeded: 890,
          failed: 1,
          rejected: 0,
          expired: 3,
          superseded: 5,
          cancelled: 1,
          unknown: 0,
          unexplained: 0,
        },
      },
    ],
  });
export type LedgerBody = z.infer<typeof ledgerSchema>;
