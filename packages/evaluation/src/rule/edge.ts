import { ExpressionFailed } from '../expression/errors.js';
import type { Scope } from '../expression/expression.js';
import type { CompiledRule } from './compile-rule.js';

/**
 * The rule as an edge device evaluates it. Without its link a device has only its own vote, so that vote decides in place of the quorum, and
 * its own measurement replaces the median or mean of the group.
 */
export function withoutQuorum(rule: CompiledRule): CompiledRule {
  return rule.quorum === undefined ? rule : { ...rule, quorum: undefined };
}

/** The number that a device contributes to a group; undefined if the rule does not measure, or is undecided on the reading. */
export function measureAtEdge({ quorum }: CompiledRule, scope: Scope): number | undefined {
  try {
    const value = quorum?.measure?.evaluate(scope);
    return Number.isFinite(value) ? value : undefined;
  } catch (error) {
    if (error instanceof ExpressionFailed) return undefined;
    throw error;
  }
}
