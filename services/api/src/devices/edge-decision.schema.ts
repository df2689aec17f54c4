import { JUDGEMENTS } from '@lamplighter/store/edge/edge';
import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';

export const edgeDecisionsSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    dropped: z.int().min(0).meta({
      description:
        'Decisions that the device discarded for lack of space before it could report them, in total',
    }),
    decisions: z.array(
      z.object({
        id: z.int().meta({ description: 'The number that the device gave the decision' }),
        at: timeSchema("When the device decided, by its estimate of the server's clock"),
        rule: z.string(),
        version: z.int().meta({ description: 'The version of the rule that the device evaluated' }),
        raised: z.boolean().meta({ description: '`true` for `then`, `false` for `else`' }),
        reason: z.enum(['change', 'every', 'reassert', 'run_over', 'first']),
        action: z.record(z.string(), z.json()).optional(),
        status: z
          .enum(['succeeded', 'failed', 'rejected'])
          .optional()
          .meta({ description: 'Outcome on the device' }),
        because: z.record(z.string(), z.json()).optional().meta({
          description: 'Evidence from the device: readings, windows, and the previous state of the rule',
        }),
        reportedAt: timeSchema('When the device reported it'),
        judgement: z.enum([...JUDGEMENTS, 'pending']).meta({
          description:
            'agrees: evaluating the rule on the stored readings gives the same verdict. disagrees: it gives another one. ' +
            'neighbours_disagreed: the quorum would have decided otherwise. data_missing: too few readings are stored. pending: not ' +
            'evaluated yet; the server waits one minute after the report for late readings of other devices.',
        }),
        judgedAt: timeSchema('When the server evaluated it').optional(),
        sentences: z.array(z.string()).meta({ description: 'The reasons, as sentences' }),
        tally: z
          .record(z.string(), z.json())
          .optional()
          .meta({ description: 'For a quorum: the count of the votes at that time' }),
      }),
    ),
  })
  .meta({
    id: 'EdgeDecisions',
    examples: [
      {
        fleet: 'demo',
        device: 'lamp-0001',
        dropped: 0,
        decisions: [
          {
            id: 1795348810000,
            at: '2026-11-22T12:00:10.000Z',
            rule: 'night-light',
            version: 3,
            raised: true,
            reason: 'change',
            action: { led_on: true },
            status: 'succeeded',
            reportedAt: '2026-11-22T12:04:12.000Z',
            judgement: 'agrees',
            judgedAt: '2026-11-22T12:05:12.000Z',
            sentences: ['light was 212, below 300: "light < 300" held'],
          },
        ],
      },
    ],
  });
export type EdgeDecisionsBody = z.infer<typeof edgeDecisionsSchema>;
