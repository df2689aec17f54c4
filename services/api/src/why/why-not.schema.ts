import { COMMAND_STATES } from '@lamplighter/contracts/commands/command';
import { IDENTITY } from '@lamplighter/contracts/identity';
import { CLAUSES } from '@lamplighter/evaluation/context/trace';
import { z } from 'zod';
import { timeSchema } from '../responses/iso-time.js';
import { groupStateSchema, ruleStateSchema, tallySchema, traceStepSchema } from '../rules/trace.schema.js';
import { OUTCOMES } from './rule-verdict.js';
import { sentencesSchema } from './why.schema.js';

export const whyNotQuery = z.strictObject({
  rule: z
    .string('must be the id of a rule')
    .regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-"')
    .meta({ description: 'The rule to explain', examples: ['night-light'] }),
});

const trace = (description: string) => z.array(traceStepSchema).meta({ description });

export const whyNotSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    rule: z.string(),
    version: z.int().min(0),
    outcome: z.enum(OUTCOMES).meta({
      description:
        'raised, lowered: the current verdict; undecided: there is none yet; disabled, out_of_scope: the rule is not evaluated for ' +
        'this device; rules_off: the rules of the fleet are switched off; unreadable: the stored record is not a valid rule',
    }),
    since: timeSchema('When the verdict started').optional(),
    keptBy: z.array(z.enum(CLAUSES)).meta({
      description: 'The clauses that prevent the other verdict, or an evaluation; see docs/rules.md',
    }),
    sentences: sentencesSchema,
    trace: trace(
      'The result of each clause on the last state, now; `emit` is the command that the next reading would send',
    ),
    whenNew: trace(
      'If the last reading is now too old: the results of the clauses when it arrived',
    ).optional(),
    between: trace('Within the hysteresis: the result of `clear`').optional(),
    last: z
      .object({
        measurements: z.record(z.string(), z.json()),
        receivedAt: timeSchema('Time of receipt'),
        ageMs: z.number().min(0),
      })
      .optional()
      .meta({ description: 'The last state' }),
    state: ruleStateSchema.optional().meta({ description: 'The stored state of the rule for the device' }),
    group: groupStateSchema.optional().meta({ description: 'For a quorum: the group state' }),
    tally: tallySchema.optional(),
    lookedAtAgain: timeSchema('When the rule is evaluated again without another reading').optional(),
    lastCommand: z
      .object({
        id: z.string(),
        action: z.record(z.string(), z.unknown()),
        state: z.enum(COMMAND_STATES),
        createdAt: timeSchema('When it was created'),
      })
      .optional()
      .meta({ description: 'The last stored command of the rule for the device' }),
  })
  .meta({
    id: 'WhyNot',
    examples: [
      {
        fleet: 'demo',
        device: 'lamp-0001',
        rule: 'night-light',
        version: 3,
        outcome: 'lowered',
        since: '2026-11-22T11:48:00.000Z',
        keptBy: ['when'],
        sentences: [
          'rule "night-light" is lowered for lamp-0001 since 2026-11-22T11:48:00.000Z (12 min); kept by: when',
          'its last reading arrived 1.2 s ago: light 315',
          'light was 315, above 300: "light < 300" did not hold',
          'light was 315, below 330: "light > 330" did not hold',
          'between the two limits the verdict does not change (hysteresis)',
        ],
        trace: [{ clause: 'when', passes: false, text: 'light < 300', value: false, values: { light: 315 } }],
        between: [
          { clause: 'clear', passes: false, text: 'light > 330', value: false, values: { light: 315 } },
        ],
        last: { measurements: { light: 315 }, receivedAt: '2026-11-22T11:59:58.800Z', ageMs: 1200 },
      },
    ],
  });
export type WhyNotBody = z.infer<typeof whyNotSchema>;
