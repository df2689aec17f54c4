import { type Action, actionSchema } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { inScope } from '@lamplighter/contracts/rules/device-scope';
import { z } from 'zod';
import { ruleSchema } from './rule.js';

/** What the command holds: a version of a rule, and since when rule states count (see the store's rules). */
export const edgeRuleSchema = z.strictObject({
  version: z.int().min(1),
  since: z.int().min(0),
  rule: ruleSchema,
});
export type EdgeRuleDocument = z.infer<typeof edgeRuleSchema>;

/**
 * The action that brings a device a rule; `problem` says in words why it cannot have it: the rule is not about the device, or does
 * not fit a command.
 */
export function edgeRuleAction(
  device: string,
  document: EdgeRuleDocument,
): { readonly action: Action } | { readonly problem: string } {
  const { id, scope, target, quorum } = document.rule;
  if (!inScope(scope.devices, device) || (target && !inScope(target.devices, device)))
    return {
      problem: `rule "${id}" ${quorum ? 'does not both count and command' : 'is not about'} device "${device}"`,
    };
  const action = { [EDGE_RULE_KEY]: document };
  const { error } = actionSchema.safeParse(action);
  if (error) return { problem: `rule "${id}" does not fit a command: it ${error.issues[0]!.message}` };
  return { action };
}
