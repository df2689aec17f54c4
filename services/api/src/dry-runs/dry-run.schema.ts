// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { identitySchema } from '@lamplighter/contracts/identity';
import { RESULTS } from '@lamplighter/evaluation/context/evaluated';
import { z } from 'zod';
import { documentAs } from '../openapi/documented-schema.js';
import { timeSchema } from '../responses/iso-time.js';
import { remarkSchema } from '../rules/remark.schema.js';
import { anyDocument, ruleDocumentSchema } from '../rules/rule.schema.js';
import { ruleStateSchema, traceStepSchema } from '../rules/trace.schema.js';
import { sentencesSchema } from '../why/why.schema.js';
import { givenReadingSchema } from './given-reading.js';

const measurements = (description: string) => z.record(z.string(), z.json()).meta({ description });
const WEEK_MS = 7 * 24 * 3_600_000;

/** A rule and one reading. */
export const dryRunRequestSchema = z.strictObject({
  rule: anyDocument,
  reading: givenReadingSchema,
  last: givenReadingSchema.optional(),
  state: ruleStateSchema.optional(),
  device: identitySchema.optional(),
  at: z.iso
    .datetime({ error: 'must be a time such as "2026-11-22T12:00:00Z"' })
    .optional()
    .meta({ description: 'Time of the evaluation; defaults to now' }),
  ageMs: z.int().min(0).max(WEEK_MS).default(0).meta({ description: 'Age of the reading at that time' }),
});
export type DryRunRequest = z.infer<typeof dryRunRequestSchema>;

/** The same for the OpenAPI document, with the parts that are otherwise checked in code. */
const dryRunDocumentSchema = dryRunRequestSchema
  .extend({
    rule: ruleDocumentSchema,
    reading: measurements('The reading to evaluate'),
    last: measurements('The previous reading; defaults to the last state of `device`, if given').optional(),
    state: ruleStateSchema.optional().meta({
      description: 'The state of the rule, such as `state` of the previous response; defaults to none',
    }),
    device: identitySchema.optional().meta({
      description:
        'The device to evaluate. If it is known, windows contain its last readings; without it, windows contain only the given ' +
        'reading.',
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

documentAs(dryRunRequestSchema, dryRunDocumentSchema);

export const dryRunSchema = z
  .object({
    result: z.enum(RESULTS).meta({
      description:
        'matched, unmatched: the condition holds or not; undecided: not evaluated, or a measurement is missing; otherwise the evaluation failed',
    }),
    raised: z
      .boolean()
      .optional()
      .meta({ description: 'The verdict after the reading; absent if there is none' }),
    vote: z
      .union([z.boolean(), z.number()])
      .optional()
      .meta({ description: 'For a quorum rule: the vote of this sensor' }),
    action: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'The action that would be issued, if any' }),
    reason: z
      .enum(['change', 'every', 'reassert', 'run_over', 'first'])
      .optional()
      .meta({ description: 'Why the action would be issued' }),
    error: z.string().optional(),
    sentences: sentencesSchema,
    trace: z.array(traceStepSchema).meta({ description: 'The result of each clause' }),
    state: ruleStateSchema.optional().meta({ description: 'The state of the rule after the reading' }),
    lookedAtAgain: timeSchema('When the rule would be evaluated again without another reading').optional(),
    warnings: z.array(remarkSchema).optional().meta({ description: 'Likely mistakes in the rule' }),
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
          'this was the first verdict: raised, so {"led_on":true} would be sent',
        ],
        trace: [{ clause: 'when', passes: true, text: 'light < 300', value: true, values: { light: 212 } }],
        state: { since: 1, raised: true, at: 1795348800000, emittedAt: 1795348800000 },
      },
    ],
  });
export type DryRunBody = z.infer<typeof dryRunSchema>;
