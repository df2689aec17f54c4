// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { identitySchema } from '@lamplighter/contracts/identity';
import { RESULTS } from '@lamplighter/evaluation/evaluate/evaluate';
import { z } from 'zod';
import { timeSchema } from '../iso-time.js';
import { remarkSchema } from '../rules/remark.schema.js';
import { anyDocument, ruleDocumentSchema } from '../rules/rule.schema.js';
import { ruleStateSchema, traceStepSchema } from '../why/trace.schema.js';
import { sentencesSchema } from '../why/why.schema.js';
import { triedReadingSchema } from './tryout-reading.js';

const measurements = (description: string) => z.record(z.string(), z.json()).meta({ description });
const WEEK_MS = 7 * 24 * 3_600_000;

/** A rule and one reading. */
export const dryRunRequestSchema = z.strictObject({
  rule: anyDocument,
  reading: triedReadingSchema,
  last: triedReadingSchema.optional(),
  state: ruleStateSchema.optional(),
  device: identitySchema.optional(),
  at: z.iso
    .datetime({ error: 'must be a time such as "2026-11-22T12:00:00Z"' })
    .optional()
    .meta({ description: 'When the reading is judged; now if not given' }),
  ageMs: z.int().min(0).max(WEEK_MS).default(0).meta({ description: 'How old the reading is then' }),
});
export type DryRunRequest = z.infer<typeof dryRunRequestSchema>;

/** The same for the documents, with what the checks take more exactly than a schema could. */
export const dryRunDocumentSchema = dryRunRequestSchema
  .extend({
    rule: ruleDocumentSchema,
    reading: measurements('What the device says: the reading that is judged'),
    last: measurements("The reading before it; if not given, the device's last state, or nothing").optional(),
    state: ruleStateSchema.optional().meta({
      description: 'What the rule remembers, such as `state` of the answer before; nothing if not given',
    }),
    device: identitySchema.optional().meta({
      description:
        'On whom it is judged. Of one that is known the last readings are in its windows; without it nobody is, and windows hold just ' +
        'this reading',
    }),
  })
  .meta({
    id: 'DryRunRequest',
    examples: [
      {
        rule: { id: 'night-light', when: 'light < 300', clear: 'light > 330', then: { led_on: true } },
        reading: { light: 212 },
        ageMs: 0,
      },
    ],
  });

export const dryRunSchema = z
  .object({
    result: z.enum(RESULTS).meta({
      description:
        'matched, unmatched: what was asked for; undecided: it was not judged, or does not say; or it failed',
    }),
    raised: z.boolean().optional().meta({ description: 'The verdict after it; absent if there is none' }),
    vote: z
      .union([z.boolean(), z.number()])
      .optional()
      .meta({ description: 'Of a quorum rule: what this sensor would say' }),
    action: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'What would be commanded; absent if nothing' }),
    reason: z
      .enum(['change', 'every', 'reassert', 'run_over', 'first'])
      .optional()
      .meta({ description: 'Why it would be' }),
    error: z.string().optional(),
    sentences: sentencesSchema,
    trace: z.array(traceStepSchema).meta({ description: 'What each clause said' }),
    state: ruleStateSchema.optional().meta({ description: 'What the rule would remember' }),
    lookedAtAgain: timeSchema('When it would look again without another reading').optional(),
    warnings: z.array(remarkSchema).optional().meta({ description: 'What may not be meant so in the rule' }),
  })
  .meta({
    id: 'DryRun',
    examples: [
      {
        result: 'matched',
        raised: true,
        action: { led_on: true },
        reason: 'first',
        sentences: [
          'the reading was 0 ms old, 30 s are allowed',
          'light was 212, below 300: "light < 300" held',
          'light was 212, below 330: "light > 330" did not hold',
          'this was the first verdict: raised, so {"led_on":true} would be commanded',
        ],
        trace: [{ clause: 'when', passes: true, text: 'light < 300', value: true, values: { light: 212 } }],
        state: { since: 1, raised: true, at: 1795348800000, emittedAt: 1795348800000 },
      },
    ],
  });
export type DryRunBody = z.infer<typeof dryRunSchema>;
