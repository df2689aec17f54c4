import { FINAL_STATES } from '@lamplighter/contracts/commands/command';
import { REJECT_REASONS } from '@lamplighter/contracts/telemetry/reading';
import { z } from 'zod';
import { timeSchema } from '../iso-time.js';

const count = (description: string) => z.int().min(0).meta({ description });

/** The books of a fleet. */
export const ledgerSchema = z
  .object({
    fleet: z.string(),
    at: timeSchema('When the books were read; a large fleet takes a moment, and goes on meanwhile'),
    readings: z
      .object({
        declared: count('Taken by the devices that count their readings (`_n`), as they say'),
        declaringDevices: count('Devices that count their readings'),
        droppedByDevices: count('Of `declared`: dropped by the devices themselves, as they say (`_dropped`)'),
        stored: count('Were the last state when they came'),
        late: count('Came after a newer one, and were stored in their place'),
        duplicate: count('Came again; not part of `declared`'),
        stale: count('Came too late for a full window'),
        rejected: z
          .partialRecord(z.enum(REJECT_REASONS), z.int().min(0))
          .meta({ description: 'Refused, by reason' }),
        unexplained: count('Declared, and neither here nor dropped: on its way, or lost'),
      })
      .meta({ description: 'Readings: taken by devices against what became of them' }),
    commands: z
      .object({
        issued: z.object({
          rule: count('By rules'),
          api: count('Over REST'),
          rollout: count('By rollouts'),
        }),
        open: count('Pending, dispatched or acknowledged'),
        ...(Object.fromEntries(FINAL_STATES.map((state) => [state, count(`Ended as ${state}`)])) as Record<
          (typeof FINAL_STATES)[number],
          z.ZodInt
        >),
        unexplained: z.int().meta({ description: 'Issued, and neither open nor ended: 0' }),
      })
      .meta({ description: 'Commands: issued against what became of them' }),
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
