// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document
import { IDENTITY, identitySchema } from '@lamplighter/contracts/identity';
import { ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { z } from 'zod';
import { documentAs } from '../openapi/documented-schema.js';
import { allowUnknownQuery, fleetPath } from '../requests/address.js';
import { timeSchema } from '../responses/iso-time.js';
import { CURSOR, limitSchema, nextSchema } from '../responses/page.js';
import { remarkSchema } from './remark.schema.js';

const EXAMPLE = {
  id: 'night-light',
  scope: { devices: '*' },
  when: 'light < 300',
  clear: 'light > 330',
  dwell: '2s',
  then: { led_on: true },
  else: { led_on: false },
} as const;

/** A rule as clients write it. Only for the OpenAPI document; `validateRule` reports errors in more detail. */
export const ruleDocumentSchema = ruleSchema.meta({
  id: 'RuleDocument',
  description: 'A rule; fields with defaults may be omitted. docs/rules.md explains every field.',
  examples: [EXAMPLE],
});

export const wholeRuleSchema = ruleSchema.meta({
  id: 'WholeRule',
  description: 'A rule, including defaults',
});

const lastErrorSchema = z
  .object({
    at: timeSchema('When it last failed').optional(),
    device: z.string().optional().meta({ description: 'The device, if the failure concerned one' }),
    message: z.string(),
    count: z.int().min(1).meta({ description: 'How often the current version failed' }),
  })
  .meta({ description: 'The latest failure of the current version; absent if there is none' });

export const storedRuleSchema = z
  .object({
    fleet: z.string(),
    id: z.string(),
    version: z.int().min(0).meta({ description: 'Incremented by every write; also in the ETag header' }),
    changedAt: timeSchema('When this version was written').optional(),
    enabled: z.boolean(),
    rule: wholeRuleSchema.optional().meta({
      description: 'The rule; absent if the stored record is unreadable, see lastError',
    }),
    lastError: lastErrorSchema.optional(),
    warnings: z.array(remarkSchema).optional().meta({
      description:
        'Likely mistakes; on reads, contradictions with the telemetry schema and other rules of the fleet',
    }),
  })
  .meta({
    id: 'Rule',
    examples: [
      {
        fleet: 'demo',
        id: 'night-light',
        version: 3,
        changedAt: '2026-11-22T12:00:00.000Z',
        enabled: true,
        rule: ruleSchema.parse(EXAMPLE),
      },
    ],
  });
export type RuleBody = z.infer<typeof storedRuleSchema>;

export const rulePageSchema = z
  .object({ fleet: z.string(), rules: z.array(storedRuleSchema), next: nextSchema })
  .meta({ id: 'RulePage' });
export type RulePage = z.infer<typeof rulePageSchema>;

export const ruleVersionSchema = z
  .object({
    version: z.int().min(0),
    changedAt: timeSchema('When it was written').optional(),
    key: z.string().optional().meta({ description: 'Id of the API key that wrote it' }),
    deleted: z.boolean().meta({ description: 'Whether the rule was deleted with this version' }),
    rule: wholeRuleSchema.optional().meta({ description: 'The rule in this version; absent in lists' }),
  })
  .meta({
    id: 'RuleVersion',
    examples: [
      { version: 3, changedAt: '2026-11-22T12:00:00.000Z', deleted: false, rule: ruleSchema.parse(EXAMPLE) },
    ],
  });
export type RuleVersionBody = z.infer<typeof ruleVersionSchema>;

export const ruleVersionsSchema = z
  .object({ fleet: z.string(), id: z.string(), versions: z.array(ruleVersionSchema) })
  .meta({ id: 'RuleVersions' });

/** Any JSON: the rule check reports errors in more detail than a schema could. */
export const anyDocument = documentAs(z.unknown(), ruleDocumentSchema);

const ruleName = z
  .string()
  .regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-"')
  .meta({ description: 'Rule', examples: ['night-light'] });

export const rulePath = fleetPath.extend({ rule: ruleName });
export type RulePath = z.infer<typeof rulePath>;

export const ruleVersionPath = rulePath.extend({
  version: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .meta({ description: 'Version', examples: ['3'] }),
});

export const rulesQuery = z.strictObject({
  limit: limitSchema,
  cursor: identitySchema.optional().meta({ description: CURSOR }),
});

/** Query of writes that stop or replace a rule: whether to release what it has started. */
export const releaseQuery = z.strictObject({
  release: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .transform((text) => text === 'true')
    .meta({
      description:
        '`true` immediately sends `else` to devices on which the rule is raised or has started a run, unless the new version continues ' +
        'it. By default devices stay as they are, and runs end at their promised time.',
    }),
});
export type ReleaseQuery = z.infer<typeof releaseQuery>;

/** Query of writes that may also add the rule. */
export const replaceQuery = releaseQuery.extend(allowUnknownQuery.shape);
export type ReplaceQuery = z.infer<typeof replaceQuery>;
