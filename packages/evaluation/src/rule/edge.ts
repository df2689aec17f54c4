import { ExpressionFailed } from '../expression/errors.js';
import type { Scope } from '../expression/expression.js';
import type { CompiledRule } from './compile-rule.js';

/**
 * A rule as a device judges it alone. Without its link a device knows nobody's vote but its own, so of a quorum its own vote decides,
 * or what it measures itself stands for the group's median or mean.
 */
export function withoutQuorum(rule: CompiledRule): CompiledRule {
  return rule.quorum === undefined ? rule : { ...rule, quorum: undefined };
}

/** What a device measures for a group; undefined if the rule does not ask for a number, or the reading does not say. */
export function measureAtEdge({ quorum }: CompiledRule, scope: Scope): number | undefined {
  try {
    const value = quorum?.measure?.evaluate(scope);
    return Number.isFinite(value) ? value : undefined;
  } catch (error) {
    if (error instanceof ExpressionFailed) return undefined;
    throw error;
  }
}
