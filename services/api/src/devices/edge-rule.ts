import { actionSchema } from '@lamplighter/contracts/command';
import { EDGE_RULE_KEY, type EdgeRuleDocument } from '@lamplighter/contracts/edge';
import { inScope } from '@lamplighter/contracts/rule';
import type { StoredRule } from '@lamplighter/store/rules';
import type { EdgeSetting } from '@lamplighter/store/settings';
import { z } from 'zod';
import { Problem } from '../problems/problem.js';

const versionSchema = z
  .string()
  .nullable()
  .meta({ description: 'Rule and version, or null for none', examples: ['night-light@3'] });

export const edgeSettingSchema = z
  .object({
    desired: versionSchema,
    confirmed: versionSchema
      .optional()
      .meta({ description: 'What the device has last said that it goes by' }),
    present: z.int().optional().meta({
      description:
        'The version that the rule has now; if it is a higher one, PUT the setting again to bring it to the device',
    }),
  })
  .meta({ id: 'EdgeSetting' });

/** The setting as the API shows it; undefined if there never was one. */
export function edgeSettingBody(
  { desired, confirmed }: EdgeSetting,
  present: number | undefined,
): z.infer<typeof edgeSettingSchema> | undefined {
  if (desired === undefined) return undefined;
  return {
    desired,
    ...(confirmed !== undefined && { confirmed }),
    ...(present !== undefined && { present }),
  };
}

/**
 * The action that brings a device its rule.
 * @throws Problem if the rule is not about the device, or does not fit a command
 */
export function edgeRuleAction(
  device: string,
  { rule, version, since }: StoredRule,
): Record<string, unknown> {
  if (!inScope(rule.scope.devices, device) || (rule.target && !inScope(rule.target.devices, device)))
    throw unfit(
      `rule "${rule.id}" ${rule.quorum ? 'does not both count and command' : 'is not about'} device "${device}"`,
    );
  const document: EdgeRuleDocument = { version, since, rule };
  const action = { [EDGE_RULE_KEY]: document };
  const { error } = actionSchema.safeParse(action);
  if (error) throw unfit(`rule "${rule.id}" does not fit a command: it ${error.issues[0]!.message}`);
  return action;
}

function unfit(detail: string): Problem {
  return new Problem('invalid-request', 'The device cannot be given this rule; see errors.', {
    errors: [{ in: 'body', pointer: '/edgeRule', detail }],
  });
}
