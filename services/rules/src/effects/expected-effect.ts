import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { ExpectedEffect } from '@lamplighter/store/commands/effect-record';

/**
 * What telemetry should show after a command of a rule, as it stands in the command. It is the effect of `then`: `else` takes that
 * back.
 * @param raise which side the command is of
 */
export function expectedEffect(
  { effect }: Pick<CompiledRule, 'effect'>,
  raise: boolean | undefined,
): ExpectedEffect | undefined {
  if (effect === undefined || raise !== true) return undefined;
  return { expect: effect.expect.text, withinMs: effect.withinMs };
}
