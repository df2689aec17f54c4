import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { ExpectedEffect } from '@lamplighter/store/commands/effect-record';

/**
 * The effect that telemetry should show after a command of a rule, as stored with the command. Only `then` has one.
 * @param raise true for a command `then`
 */
export function expectedEffect(
  { effect }: Pick<CompiledRule, 'effect'>,
  raise: boolean | undefined,
): ExpectedEffect | undefined {
  if (effect === undefined || raise !== true) return undefined;
  return { expect: effect.expect.text, withinMs: effect.withinMs };
}
