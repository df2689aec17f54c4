import { type Action, actionSchema } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { inScope } from '@lamplighter/contracts/rules/device-scope';
import { z } from 'zod';
import { ruleSchema } from './rule.js';

/** The value of the command: a version of a rule, and the version since which rule states are valid. */
export const edgeRuleSchema = z.strictObject({
  version: z.int().min(1),
  since: z.int().min(0),
  rule: ruleSchema,
});
export type EdgeRuleDocument = z.infer<typeof edgeRuleSchema>;

/**
 * The action that sends a rule to a device; `problem` explains why it cannot be sent: the rule does not apply to the device, or is too large for
 * a command.
 */
export function edgeRuleAction(
  device: string,
  document: EdgeRuleDocument,
): { readonly action: Action } | { readonly problem: string } {
  const { id, scope, target, quorum } = document.rule;
  if (!inScope(scope.devices, device) || (target && !inScope(target.devices, device)))
    return {
      problem: `rule "${id}" ${quorum ? 'does not both count and command' : 'does not apply to'} device "${device}"`,
    };
  const action = { [EDGE_RULE_KEY]: document };
  const { error } = actionSchema.safeParse(action);
  if (error) return { problem: `rule "${id}" does not fit a command: it ${error.issues[0]!.message}` };
  return { action };
}
