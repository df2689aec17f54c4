import type { Rule } from '@lamplighter/evaluation/rule/rule';

/**
 * Whether the next version of a rule resets its states: its evaluation or its commands change, or it is enabled again. Otherwise its states
 * stay valid: a new description does not switch any lamp.
 */
export function resetsState(before: Rule, after: Rule): boolean {
  return (!before.enabled && after.enabled) || evaluatedText(before) !== evaluatedText(after);
}

/** The fields that affect evaluation and commands, as text. Parsed rules have their fields in schema order. */
function evaluatedText({ description, enabled, effect, scope, ...rule }: Rule): string {
  // A changed scope does not affect the devices that stay in it, except in a quorum.
  return JSON.stringify(rule.quorum === undefined ? rule : { ...rule, scope });
}
