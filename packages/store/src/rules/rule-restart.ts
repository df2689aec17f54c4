import type { Rule } from '@lamplighter/evaluation/rule/rule';

/**
 * Whether a rule begins anew with its next version: because it judges or commands otherwise, or because it is switched on
 * again. If not, what it remembers of its devices holds on: a better description switches no lamp.
 */
export function resetsState(before: Rule, after: Rule): boolean {
  return (!before.enabled && after.enabled) || evaluatedText(before) !== evaluatedText(after);
}

/** What decides and what is commanded, as text. Rules come from their schema, which puts fields in order. */
function evaluatedText({ description, enabled, effect, scope, ...rule }: Rule): string {
  // Of whom a rule decides changes nothing for those it decides of already, unless they decide together.
  return JSON.stringify(rule.quorum === undefined ? rule : { ...rule, scope });
}
