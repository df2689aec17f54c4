import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';
import { describedSelector } from './rollout.schema.js';

/** A selection evaluates the first devices by name, at most this many. */
export const MAX_EVALUATED = 20_000;

export const selectionRequestSchema = z
  .strictObject({
    selector: describedSelector,
    limit: z
      .int()
      .min(0)
      .max(MAX_EVALUATED)
      .default(100)
      .meta({ description: 'Maximum number of names in the response' }),
  })
  .meta({
    id: 'SelectionRequest',
    examples: [{ selector: { presence: 'online', when: 'light < 300' }, limit: 100 }],
  });
export type SelectionRequest = z.infer<typeof selectionRequestSchema>;

const count = (description: string) => z.int().min(0).meta({ description });

export const selectionSchema = z
  .object({
    fleet: z.string(),
    at: timeSchema('When the last states were read'),
    evaluated: count('Devices of the fleet that were evaluated'),
    matched: count('Devices that the selector matches'),
    isCut: z.boolean().meta({
      description: `Whether the fleet has more than ${MAX_EVALUATED} devices; only the first by name were evaluated`,
    }),
    devices: z.array(z.string()).meta({ description: 'Matching devices by name, at most `limit`' }),
  })
  .meta({
    id: 'Selection',
    examples: [
      {
        fleet: 'demo',
        at: '2026-11-22T12:00:00.000Z',
        evaluated: 50,
        matched: 2,
        isCut: false,
        devices: ['lamp-0003', 'lamp-0017'],
      },
    ],
  });
