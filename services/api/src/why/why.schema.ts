// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { COMMAND_STATES } from '@lamplighter/contracts/commands/command';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { z } from 'zod';
import { effectSchema } from '../commands/command.schema.js';
import { timeSchema } from '../iso-time.js';
import { wholeRuleSchema } from '../rules/rule.schema.js';
import { groupStateSchema, ruleStateSchema, tallySchema, traceStepSchema } from './trace.schema.js';

const AT = '2026-11-22T12:00:00.000Z';
const values = (description: string) => z.record(z.string(), z.json()).meta({ description });

/** Sentences that tell the same as the fields beside them. */
export const sentencesSchema = z
  .array(z.string())
  .meta({ description: 'All of it in plain sentences, in order' });

const becauseSchema = z
  .object({
    rule: z.string(),
    version: z.int().meta({ description: 'The version of the rule that decided' }),
    changedAt: timeSchema('When that version was written').optional(),
    document: wholeRuleSchema
      .optional()
      .meta({ description: 'The rule as it was; absent if that version is no longer kept' }),
    replayed: z.boolean().meta({
      description: 'Whether the recorded inputs, judged once more by that version, lead to this very command',
    }),
    problem: z.string().optional().meta({ description: 'Why they do not, or why nobody can tell' }),
    at: timeSchema('When it was decided'),
    trigger: z.enum(['reading', 'timer']).meta({ description: 'A reading (or vote) came, or a time' }),
    reading: values('The measurements that the rule mentions, of the reading'),
    last: values('The same, of the reading before').optional(),
    windows: z
      .record(z.string(), z.number())
      .optional()
      .meta({ description: 'What windows came to, as `avg(light,10m)`' }),
    ageMs: z.number().meta({ description: 'How old the reading was' }),
    heardAt: timeSchema('When the device, or any sensor, had last been heard').optional(),
    state: ruleStateSchema.optional().meta({ description: 'What the rule remembered before' }),
    group: groupStateSchema.optional().meta({ description: 'Of a quorum: what it remembered before' }),
    tally: tallySchema.optional(),
    trace: z
      .array(traceStepSchema)
      .optional()
      .meta({ description: 'What each clause said; absent without the document' }),
  })
  .meta({ id: 'Because', description: 'What a rule decided on' });
export type BecauseBody = z.infer<typeof becauseSchema>;

export const whySchema = z
  .object({
    id: z.string(),
    fleet: z.string(),
    device: z.string(),
    action: z.record(z.string(), z.unknown()),
    source: z.enum(['rule', 'api', 'rollout']),
    rule: z.string().optional(),
    rollout: z.string().optional(),
    state: z.enum(COMMAND_STATES),
    createdAt: timeSchema('When it was taken'),
    sentences: sentencesSchema,
    because: becauseSchema
      .optional()
      .meta({ description: "Of a rule's command: what it was decided on; absent if that was not recorded" }),
    delivery: z
      .array(
        z.object({
          state: z.enum(COMMAND_STATES),
          at: timeSchema('When'),
          attempt: z.int(),
          cause: z.string(),
          sentence: z.string(),
        }),
      )
      .meta({ description: 'Every step of its life, in order' }),
    effect: effectSchema.optional(),
  })
  .meta({
    id: 'Why',
    examples: [
      {
        id: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17',
        fleet: 'demo',
        device: 'lamp-0001',
        action: { led_on: true },
        source: 'rule',
        rule: 'night-light',
        state: 'dispatched',
        createdAt: AT,
        sentences: [
          `rule "night-light", version 3, commanded {"led_on":true} to lamp-0001 at ${AT}`,
          'it judged a reading of lamp-0001 as it came',
          'light was 212, below 300: "light < 300" held',
        ],
        because: {
          rule: 'night-light',
          version: 3,
          changedAt: '2026-11-21T09:30:00.000Z',
          document: ruleSchema.parse({ id: 'night-light', when: 'light < 300', then: { led_on: true } }),
          replayed: true,
          at: AT,
          trigger: 'reading',
          reading: { light: 212 },
          ageMs: 0,
          heardAt: AT,
          trace: [{ clause: 'when', passes: true, text: 'light < 300', value: true, values: { light: 212 } }],
        },
        delivery: [
          {
            state: 'pending',
            at: AT,
            attempt: 0,
            cause: 'rule:night-light',
            sentence: 'taken from rule "night-light"',
          },
          { state: 'dispatched', at: AT, attempt: 1, cause: 'emit', sentence: 'sent to the device at once' },
        ],
      },
    ],
  });
export type WhyBody = z.infer<typeof whySchema>;
