import { JUDGEMENTS } from '@lamplighter/store/edge/edge';
import { z } from 'zod';
import { timeSchema } from '../iso-time.js';

export const edgeDecisionsSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    dropped: z
      .int()
      .min(0)
      .meta({ description: 'Decisions that the device had no room for before it could report them, ever' }),
    decisions: z.array(
      z.object({
        id: z.int().meta({ description: "The device's own number for it" }),
        at: timeSchema("When it was taken, by the server's clock as far as the device knew it"),
        rule: z.string(),
        version: z.int().meta({ description: 'The version of the rule that the device went by' }),
        raised: z.boolean().meta({ description: 'Which side of the rule: then (true) or else' }),
        reason: z.enum(['change', 'every', 'reassert', 'run_over', 'first']),
        action: z.record(z.string(), z.json()).optional(),
        status: z
          .enum(['succeeded', 'failed', 'rejected'])
          .optional()
          .meta({ description: 'What came of it on the device' }),
        because: z.record(z.string(), z.json()).optional().meta({
          description: 'What the device decided on: readings, windows, the state of the rule before',
        }),
        reportedAt: timeSchema('When the device had reported it'),
        judgement: z.enum([...JUDGEMENTS, 'pending']).meta({
          description:
            'agrees: the same rule comes to the same on what is stored. disagrees: it does not. neighbours_disagreed: the ' +
            'quorum would have decided otherwise. data_missing: not enough is stored to say. pending: a minute is waited ' +
            'after the report, so that the neighbours can hand in what they measured.',
        }),
        judgedAt: timeSchema('When it was judged').optional(),
        sentences: z.array(z.string()).meta({ description: 'Why, in plain sentences' }),
        tally: z
          .record(z.string(), z.json())
          .optional()
          .meta({ description: 'Of a quorum: how the votes of that moment count' }),
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
