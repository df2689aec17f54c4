import { z } from 'zod';
import { actionSchema, deliverySchema } from './command.js';
import { durationSchema } from './duration.js';
import { IDENTITY, identitySchema } from './identity.js';

/** The bounds of rules. */
export const RULE_BOUNDS = {
  /** Rules of one fleet. */
  maxRules: 1000,
  /** Longest expression, characters. */
  maxExpressionLength: 2000,
  /** Longest time that a rule may look back or wait, milliseconds. */
  maxDurationMs: 7 * 24 * 3_600_000,
  /** Names and prefixes in one scope. */
  maxScope: 1000,
  /** Sensors of one quorum. */
  maxSensors: 1000,
} as const;

const expressionSchema = z.string().min(1).max(RULE_BOUNDS.maxExpressionLength);
const timeSchema = durationSchema(0, RULE_BOUNDS.maxDurationMs);

/** Devices by name, by prefix (`lamp-*`), or every one of the fleet (`*`). */
export const deviceScopeSchema = z.union([
  z.literal('*'),
  z
    .array(z.union([identitySchema, z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\*$/)]))
    .min(1)
    .max(RULE_BOUNDS.maxScope),
]);
export type DeviceScope = z.infer<typeof deviceScopeSchema>;

/** A time of the day in which a rule does not raise: from, to (`22:00`, past midnight if `to` is earlier), in an IANA time zone. */
const quietSchema = z.strictObject({
  from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as "22:00"'),
  to: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as "06:00"'),
  timeZone: z.string().default('UTC').refine(isTimeZone, 'must be an IANA time zone such as "Europe/Berlin"'),
});

/** How many sensors must agree, and what holds when too few can be heard. */
export const QUORUM_POLICIES = ['any', 'all', 'majority', 'atLeast', 'median', 'trimmedMean'] as const;
const quorumSchema = z
  .strictObject({
    policy: z.enum(QUORUM_POLICIES),
    /** For `atLeast`: how many must agree. */
    count: z.int().min(1).max(RULE_BOUNDS.maxSensors).optional(),
    /** For `median` and `trimmedMean`: what each sensor says, a CEL number over its reading. `when` then judges `value`. */
    of: expressionSchema.optional(),
    /** For `trimmedMean`: the share that is left out at each end. */
    trim: z.number().min(0).max(0.49).optional(),
    /** How many sensors there should be, if the scope does not list them. */
    expected: z.int().min(1).max(RULE_BOUNDS.maxSensors).optional(),
    /** How many fresh sensors a verdict needs; more than half of the expected ones if not given. */
    needs: z.int().min(1).max(RULE_BOUNDS.maxSensors).optional(),
    /** When fewer are fresh: `hold` what was decided, `release` as if the condition were false, or command the `safe` action. */
    lost: z.enum(['hold', 'release', 'safe']).default('hold'),
    safe: actionSchema.optional(),
  })
  .superRefine(({ policy, count, of, trim, lost, safe }, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const measures = policy === 'median' || policy === 'trimmedMean';
    if (policy === 'atLeast' && count === undefined) wrong('count', 'policy "atLeast" needs a count');
    if (policy !== 'atLeast' && count !== undefined) wrong('count', 'is only for policy "atLeast"');
    if (measures && of === undefined) wrong('of', `policy "${policy}" needs to know of what`);
    if (!measures && of !== undefined) wrong('of', 'is only for policies "median" and "trimmedMean"');
    if (policy !== 'trimmedMean' && trim !== undefined) wrong('trim', 'is only for policy "trimmedMean"');
    if (lost === 'safe' && safe === undefined) wrong('safe', '"lost": "safe" needs a safe action');
    if (lost !== 'safe' && safe !== undefined) wrong('safe', 'is only for "lost": "safe"');
  });

/**
 * A rule: when `when` holds for a reading, `then` is commanded, otherwise `else`. docs/rules.md explains every field.
 *
 * - `when` raises the verdict; `clear`, if given, lowers it (hysteresis); otherwise it is lowered as soon as `when` is false.
 * - `maxAge`: an older reading is not judged. `deadband`: nor is one that has moved less than this since the last one judged.
 * - `hold`: the other verdict must last this long before it is believed. `dwell`: a verdict, once believed, stays this long.
 * - `cooldown`: least time between two raises. `settle`: after an actuation nothing is judged (but stored) for this long.
 * - `quiet`: in these hours the rule does not raise; what is raised may still be lowered.
 * - `absence` (in place of `when`): raises when the device has been silent for this long, lowers when it is heard again.
 * - `run`: `else` follows by itself after so many seconds (a CEL number, at most `max`), by timer.
 * - `quorum`: the scope's devices vote, and the commands go to `target`.
 * - `mode: change` commands when the verdict changes; `mode: every` commands on every reading, as the lesson does.
 * - `reassert`: a device that reports another value than commanded, or never answers, is told again after this time.
 * - `effect`: what telemetry should show within that time after the command succeeded; `last` is the reading before it.
 */
export const ruleSchema = z
  .strictObject({
    id: z.string().regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-"'),
    description: z.string().max(500).optional(),
    enabled: z.boolean().default(true),
    scope: z.strictObject({ devices: deviceScopeSchema.default('*') }).default({ devices: '*' }),
    when: expressionSchema.optional(),
    clear: expressionSchema.optional(),
    absence: z.strictObject({ after: durationSchema(1000, RULE_BOUNDS.maxDurationMs) }).optional(),
    maxAge: timeSchema.default('30s'),
    hold: timeSchema.default('0s'),
    dwell: timeSchema.default('0s'),
    cooldown: timeSchema.default('0s'),
    settle: timeSchema.default('0s'),
    deadband: z.strictObject({ of: expressionSchema, by: z.number().positive() }).optional(),
    quiet: quietSchema.optional(),
    run: z
      .strictObject({ seconds: expressionSchema, max: durationSchema(1000, RULE_BOUNDS.maxDurationMs) })
      .optional(),
    quorum: quorumSchema.optional(),
    target: z.strictObject({ devices: deviceScopeSchema }).optional(),
    then: actionSchema,
    else: actionSchema.optional(),
    command: deliverySchema.prefault({}),
    mode: z.enum(['change', 'every']).default('change'),
    reassert: z
      .union([z.literal('never'), durationSchema(1000, RULE_BOUNDS.maxDurationMs)])
      .default('1m'),
    effect: z.strictObject({ expect: expressionSchema, within: durationSchema(1000, 3_600_000) }).optional(),
  })
  .superRefine((rule, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (rule.when === undefined && rule.absence === undefined) wrong('when', 'a rule needs "when" or "absence"');
    if (rule.absence !== undefined)
      for (const key of ['when', 'clear', 'quorum', 'deadband'] as const)
        if (rule[key] !== undefined) wrong(key, 'has no meaning beside "absence"');
    if (rule.run !== undefined && rule.else === undefined)
      wrong('else', '"run" needs an "else", which ends the run');
    if (rule.run !== undefined && rule.mode === 'every') wrong('mode', '"run" commands only on change');
    if (rule.target !== undefined && rule.quorum === undefined)
      wrong('target', 'is only for rules with a quorum; others command the device that they judge');
    if (rule.quorum !== undefined && rule.mode === 'every') wrong('mode', 'a quorum commands only on change');
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

/** Whether a scope takes in a device. */
export function inScope(scope: DeviceScope, device: string): boolean {
  if (scope === '*') return true;
  return scope.some((name) => (name.endsWith('*') ? device.startsWith(name.slice(0, -1)) : name === device));
}
