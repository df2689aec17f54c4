import { z } from 'zod';
import { actionSchema, deliverySchema } from './command.js';
import { IDENTITY, identitySchema } from './identity.js';

/** `*` for every one, or a list of names. */
const selectorSchema = z.union([z.literal('*'), z.array(identitySchema).min(1)]).default('*');

/**
 * A rule: when `when` holds for a reading, `then` is commanded, otherwise `else`.
 * `mode: change` commands when the verdict changes; `mode: every` commands on every reading, as the lesson does.
 */
export const ruleSchema = z.strictObject({
  id: z.string().regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-"'),
  scope: z
    .strictObject({ fleets: selectorSchema, devices: selectorSchema })
    .default({ fleets: '*', devices: '*' }),
  when: z.string().min(1).max(2000),
  then: actionSchema,
  else: actionSchema.optional(),
  mode: z.enum(['change', 'every']).default('change'),
  command: deliverySchema.prefault({}),
});
export type Rule = z.infer<typeof ruleSchema>;

/** A rules file: `{"rules": [ … ]}`, ids unique. */
export const rulesFileSchema = z
  .strictObject({ rules: z.array(ruleSchema).max(1000) })
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
