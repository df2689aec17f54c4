// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { COMMAND_STATES } from '@lamplighter/contracts/commands/command';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { z } from 'zod';
import { effectSchema } from '../commands/command.schema.js';
import { timeSchema } from '../responses/iso-time.js';
import { wholeRuleSchema } from '../rules/rule.schema.js';
import { groupStateSchema, ruleStateSchema, tallySchema, traceStepSchema } from '../rules/trace.schema.js';

const AT = '2026-11-22T12:00:00.000Z';
const values = (description: string) => z.record(z.string(), z.json()).meta({ description });

/** Sentences with the same content as the other fields. */
export const sentencesSchema = z
  .array(z.string())
  .meta({ description: 'The explanation as sentences, in order' });

const becauseSchema = z
  .object({
    rule: z.string(),
    version: z.int().meta({ description: 'The version of the rule that decided' }),
    changedAt: timeSchema('When that version was written').optional(),
    document: wholeRuleSchema
      .optional()
      .meta({ description: 'The rule in that version; absent if the version has been pruned' }),
    replayed: z.boolean().meta({
      description: 'Whether evaluating the recorded inputs again with that version leads to the same command',
    }),
    problem: z
      .string()
      .optional()
      .meta({ description: 'Why it does not, or why the inputs cannot be evaluated' }),
    at: timeSchema('When the rule decided'),
    trigger: z
      .enum(['reading', 'timer'])
      .meta({ description: 'Whether a reading (or vote) or a timer triggered the evaluation' }),
    reading: values('The measurements of the reading that the rule uses'),
    last: values('The same measurements of the previous reading').optional(),
    windows: z
      .record(z.string(), z.number())
      .optional()
      .meta({ description: 'Values of windows, as `avg(light,10m)`' }),
    ageMs: z.number().meta({ description: 'Age of the reading' }),
    heardAt: timeSchema('When the last message of the device, or of any sensor, had arrived').optional(),
    state: ruleStateSchema.optional().meta({ description: 'The state of the rule before' }),
    group: groupStateSchema
      .optional()
      .meta({ description: 'For a quorum: the group state before the evaluation' }),
    tally: tallySchema.optional(),
    trace: z
      .array(traceStepSchema)
      .optional()
      .meta({ description: 'The result of each clause; absent without the document' }),
  })
  .meta({ id: 'Because', description: 'The evidence of a decision' });
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
    createdAt: timeSchema('When it was created'),
    sentences: sentencesSchema,
    because: becauseSchema
      .optional()
      .meta({ description: "For a rule's command: the evidence; absent if it was not recorded" }),
    delivery: z
      .array(
        z.object({
          state: z.enum(COMMAND_STATES),
          at: timeSchema('Time of the transition'),
          attempt: z.int(),
          cause: z.string(),
          sentence: z.string(),
        }),
      )
      .meta({ description: 'All state transitions in order' }),
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
          `rule "night-light", version 3, issued {"led_on":true} for lamp-0001 at ${AT}`,
          'it evaluated a reading of lamp-0001 on arrival',
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
            sentence: 'created by rule "night-light"',
          },
          {
            state: 'dispatched',
            at: AT,
            attempt: 1,
            cause: 'emit',
            sentence: 'sent to the device immediately',
          },
        ],
      },
    ],
  });
export type WhyBody = z.infer<typeof whySchema>;
