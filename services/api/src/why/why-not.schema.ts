import { COMMAND_STATES } from '@lamplighter/contracts/commands/command';
import { IDENTITY } from '@lamplighter/contracts/identity';
import { CLAUSES } from '@lamplighter/evaluation/evaluate/trace';
import { z } from 'zod';
import { timeSchema } from '../iso-time.js';
import { OUTCOMES } from './standing.js';
import { groupStateSchema, ruleStateSchema, tallySchema, traceStepSchema } from './trace.schema.js';
import { sentencesSchema } from './why.schema.js';

export const whyNotQuery = z.strictObject({
  rule: z
    .string('must be the rule that is asked about')
    .regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-"')
    .meta({ description: 'The rule that is asked about', examples: ['night-light'] }),
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
        'raised, lowered: the verdict that is believed; undecided: there is none yet; disabled, out_of_scope: the rule does not ' +
        'judge this device; rules_off: the rules of the fleet are switched off; unreadable: the stored record is no rule',
    }),
    since: timeSchema('When the verdict began').optional(),
    keptBy: z.array(z.enum(CLAUSES)).meta({
      description:
        'The clauses that keep the rule from the other verdict, or from being judged; see docs/rules.md',
    }),
    sentences: sentencesSchema,
    trace: trace(
      'What each clause says of the last state, now; `emit` stands for what the next reading would bring',
    ),
    whenNew: trace(
      'The last reading is too old to be judged now: what the clauses said when it came',
    ).optional(),
    between: trace('Within the hysteresis: what `clear` says beside `when`').optional(),
    last: z
      .object({
        measurements: z.record(z.string(), z.json()),
        receivedAt: timeSchema('When it came'),
        ageMs: z.number().min(0),
      })
      .optional()
      .meta({ description: 'The last state' }),
    state: ruleStateSchema.optional().meta({ description: 'What the rule remembers of the device' }),
    group: groupStateSchema.optional().meta({ description: 'Of a quorum: what it remembers' }),
    tally: tallySchema.optional(),
    lookedAtAgain: timeSchema('When the rule looks again without another reading').optional(),
    lastCommand: z
      .object({
        id: z.string(),
        action: z.record(z.string(), z.unknown()),
        state: z.enum(COMMAND_STATES),
        createdAt: timeSchema('When it was taken'),
      })
      .optional()
      .meta({ description: 'The last command of the rule to the device, of those that are kept' }),
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
          'rule "night-light" is lowered for lamp-0001 since 2026-11-22T11:48:00.000Z (12 min); what keeps it so: when',
          'its last reading came 1.2 s ago: light 315',
          'light was 315, above 300: "light < 300" did not hold',
          'light was 315, below 330: "light > 330" did not hold',
          'between the two nothing changes (hysteresis)',
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
