import { IDENTITY, identitySchema } from '@lamplighter/contracts/identity';
import { deviceScopeSchema } from '@lamplighter/contracts/rules/device-scope';
import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { z } from 'zod';
import { CLAUSE_FIELDS } from '../clauses/rule-clauses.js';
import { enabled } from '../clauses/stops/enabled.js';
import { contradictions } from './contradictions.js';

/** A rule: `then` is sent when `when` is true for a reading, otherwise `else`. docs/rules.md explains every field. */
export const ruleSchema = z
  .strictObject({
    id: z
      .string()
      .regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or digit'),
    description: z.string().max(500).optional(),
    ...enabled.fields,
    scope: z.strictObject({ devices: deviceScopeSchema.default('*') }).default({ devices: '*' }),
    ...CLAUSE_FIELDS,
  })
  .superRefine((rule, context) => {
    for (const { path, message } of contradictions(rule))
      context.addIssue({ code: 'custom', path: [...path], message });
  });
export type Rule = z.infer<typeof ruleSchema>;
/** A rule document, in which defaults may be left out. */
export type RuleInput = z.input<typeof ruleSchema>;

/** A rule of a seed file, and the fleets that start with it: all (`*`) or a list of names. */
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
          message: `must be unique, but "${rule.id}" is used twice`,
        });
      seen.add(rule.id);
    }
  });
