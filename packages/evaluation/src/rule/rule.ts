import { actionSchema, deliverySchema } from '@lamplighter/contracts/commands/command';
import { durationSchema } from '@lamplighter/contracts/duration';
import { IDENTITY, identitySchema } from '@lamplighter/contracts/identity';
import { deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { z } from 'zod';
import { contradictions } from './contradictions.js';

const durationPattern = { pattern: '^[0-9]{1,9}(ms|s|m|h|d)$' };
const expression = (about: string) => z.string().min(1).max(RULE_BOUNDS.maxExpressionLength).describe(about);
const time = (minMs: number, about: string) =>
  durationSchema(minMs, RULE_BOUNDS.maxDurationMs).meta({ ...durationPattern, description: about });

const timeOfDay = (example: string) =>
  z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, `must be a time such as "${example}"`);
const quietSchema = z
  .strictObject({
    from: timeOfDay('22:00'),
    to: timeOfDay('06:00').describe('Past midnight if it is earlier than "from".'),
    timeZone: z
      .string()
      .default('UTC')
      .refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"'),
  })
  .describe('Hours in which the rule does not raise; what is raised may still be lowered.');

/** How many sensors must agree, and what holds when too few can be heard. */
const QUORUM_POLICIES = ['any', 'all', 'majority', 'atLeast', 'median', 'trimmedMean'] as const;
const sensors = z.int().min(1).max(RULE_BOUNDS.maxSensors);
const quorumSchema = z
  .strictObject({
    policy: z.enum(QUORUM_POLICIES),
    count: sensors.optional().describe('For "atLeast": how many must agree.'),
    of: expression(
      'For "median" and "trimmedMean": the number that each sensor says. "when" then judges "value".',
    ).optional(),
    trim: z
      .number()
      .min(0)
      .max(0.49)
      .optional()
      .describe('For "trimmedMean": the share that is left out at each end.'),
    expected: sensors
      .optional()
      .describe('How many sensors there should be, if the scope does not name them.'),
    needs: sensors
      .optional()
      .describe('Fresh sensors that a verdict needs; more than half of the expected ones if not given.'),
    lost: z
      .enum(['hold', 'release', 'safe'])
      .default('hold')
      .describe(
        'When fewer are fresh: "hold" what was decided, "release" as if the condition were false, or command the "safe" action.',
      ),
    safe: actionSchema.optional(),
  })
  .describe('The scope\'s devices vote, and the commands go to "target".');

const REASSERT = 'must be "never", or a duration such as "1m", from 1s to 7d';
const reassertTime = durationSchema(1000, RULE_BOUNDS.maxDurationMs);
const reassertSchema = z
  .string({ error: REASSERT })
  .refine((text) => text === 'never' || reassertTime.safeParse(text).success, REASSERT)
  .meta({
    pattern: '^(never|[0-9]{1,9}(ms|s|m|h|d))$',
    description:
      'A device that reports another value than commanded, or never answers, is told again after this time; or "never".',
  });

/** A rule: when `when` holds for a reading, `then` is commanded, otherwise `else`. docs/rules.md explains every field. */
export const ruleSchema = z
  .strictObject({
    id: z
      .string()
      .regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or digit'),
    description: z.string().max(500).optional(),
    enabled: z.boolean().default(true),
    scope: z.strictObject({ devices: deviceScopeSchema.default('*') }).default({ devices: '*' }),
    when: expression('Raises the verdict: a CEL condition over the reading.').optional(),
    clear: expression(
      'Lowers the verdict (hysteresis). Without it, the verdict is lowered as soon as "when" is false.',
    ).optional(),
    absence: z
      .strictObject({ after: time(1000, 'Silence that raises.') })
      .optional()
      .describe(
        'In place of "when": raises when the device has been silent for so long, lowers when it is heard again.',
      ),
    maxAge: time(0, 'An older reading is not judged.').default('30s'),
    hold: time(0, 'The other verdict must last this long before it is believed.').default('0s'),
    dwell: time(0, 'A verdict, once believed, stays this long.').default('0s'),
    cooldown: time(0, 'Least time between two raises.').default('0s'),
    settle: time(0, 'After an actuation nothing is judged (but stored) for this long.').default('0s'),
    deadband: z
      .strictObject({ of: expression('A CEL number over the reading.'), by: z.number().positive() })
      .optional()
      .describe('A reading that has moved less than this since the last one judged is not judged.'),
    quiet: quietSchema.optional(),
    run: z
      .strictObject({
        seconds: expression('A CEL number.'),
        max: time(1000, 'The longest run, whatever "seconds" says.'),
      })
      .optional()
      .describe('"else" follows by itself after so many seconds, by timer.'),
    quorum: quorumSchema.optional(),
    target: z
      .strictObject({ devices: deviceScopeSchema })
      .optional()
      .describe("Whom a quorum commands; the scope's devices if not given."),
    then: actionSchema,
    else: actionSchema.optional(),
    command: deliverySchema.prefault({}),
    mode: z
      .enum(['change', 'every'])
      .default('change')
      .describe('Command when the verdict changes, or on every reading, as the lesson does.'),
    reassert: reassertSchema.default('1m'),
    effect: z
      .strictObject({
        expect: expression('A CEL condition; "last" is the reading before the command succeeded.'),
        within: durationSchema(1000, 3_600_000).meta(durationPattern),
      })
      .optional()
      .describe('What telemetry should show within that time after the command succeeded.'),
  })
  .superRefine((rule, context) => {
    for (const { path, message } of contradictions(rule))
      context.addIssue({ code: 'custom', path: [...path], message });
  });
export type Rule = z.infer<typeof ruleSchema>;
/** A rule as people write it, with defaults left out. */
export type RuleInput = z.input<typeof ruleSchema>;

/** A rule of a seed file, and the fleets that begin with it: all (`*`) or a list of names. */
const seedSchema = ruleSchema.safeExtend({
  fleets: z.union([z.literal('*'), z.array(identitySchema).min(1)]).default('*'),
});
export type Seed = z.infer<typeof seedSchema>;

/** A rules file: `{"rules": [ … ]}`, ids unique. */
export const rulesFileSchema = z
  .strictObject({ rules: z.array(seedSchema).max(RULE_BOUNDS.maxRules) })
  .superRefine(({ rules }, context) => {
    const seen = new Set<string>();
    for (const [index, rule] of rules.entries()) {
      if (seen.has(rule.id))
        context.addIssue({
          code: 'custom',
          path: ['rules', index, 'id'],
          message: `"${rule.id}" is used twice`,
        });
      seen.add(rule.id);
    }
  });

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
