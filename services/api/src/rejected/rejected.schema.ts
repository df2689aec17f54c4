import { identitySchema } from '@lamplighter/contracts/identity';
import { INPUT_KINDS, INPUT_REASONS, SUSPICIONS } from '@lamplighter/contracts/telemetry/input-fault';
import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';
import { limitSchema } from '../responses/page.js';

const kindSchema = z.enum(INPUT_KINDS).meta({
  description:
    'telemetry, presence (births and wills), acknowledgement: messages on those topics; edge: a report of edge decisions in a reading; ' +
    'topic: a message on a misspelt topic; connection: the broker closed a connection',
});
const reasonSchema = z
  .enum([...INPUT_REASONS, ...SUSPICIONS])
  .meta({ description: 'The reason, as in the metrics' });

export const rejectedSchema = z
  .object({
    rejected: z.array(
      z.object({
        at: timeSchema('Server time of receipt'),
        kind: kindSchema,
        reason: reasonSchema,
        accepted: z
          .literal(true)
          .optional()
          .meta({ description: 'Present if the input was accepted although suspicious (`type`, `inexact`)' }),
        fleet: z.string().optional().meta({ description: 'Absent if the topic does not contain it' }),
        device: z.string().optional().meta({ description: 'Absent if the topic does not contain it' }),
        field: z
          .string()
          .optional()
          .meta({ description: 'The invalid field, as a JSON pointer into the payload' }),
        problem: z.string().meta({ description: 'The violated constraint, with the offending value' }),
        topic: z
          .string()
          .optional()
          .meta({ description: 'The first 128 characters of the topic; absent for a connection' }),
        client: z.string().optional().meta({ description: 'Client id, for a connection' }),
        payload: z.string().meta({
          description:
            "The first 200 characters of the payload, with invalid UTF-8 as U+FFFD; for a connection, the broker's log line",
        }),
      }),
    ),
  })
  .meta({
    id: 'Rejected',
    examples: [
      {
        rejected: [
          {
            at: '2026-11-22T12:00:00.000Z',
            kind: 'telemetry',
            reason: 'clock',
            fleet: 'demo',
            device: 'lamp-0001',
            field: '/_at',
            problem: '`_at` looks like seconds, expected milliseconds',
            topic: 'demo/telemetry/lamp-0001',
            payload: '{"light":412,"_at":1795348800}',
          },
        ],
      },
    ],
  });

export const rejectedQuery = z.strictObject({
  limit: limitSchema,
  kind: kindSchema.optional(),
  reason: reasonSchema.optional(),
  fleet: identitySchema.optional().meta({ description: 'Only input of this fleet', examples: ['demo'] }),
  device: identitySchema
    .optional()
    .meta({ description: 'Only input of devices with this name', examples: ['lamp-0001'] }),
});
