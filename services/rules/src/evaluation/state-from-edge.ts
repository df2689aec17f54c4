import type { EdgeState } from '@lamplighter/contracts/edge/edge';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';

/**
 * The state from which a rule resumes after its device evaluated it while offline. Undefined if the server's state stays in force: the
 * device evaluated another version, or the server decided later.
 * @param now server time, milliseconds; later times of the device are cut to it
 */
export function stateFromEdge(
  { since, run }: Pick<CompiledRule, 'since' | 'run'>,
  before: RuleState | undefined,
  reported: EdgeState,
  now: number,
): RuleState | undefined {
  if (reported.since !== since) return undefined;
  const decidedAt = before?.since === since ? Math.max(before.at, before.emittedAt ?? 0) : 0;
  if (reported.at <= decidedAt) return undefined;
  const past = (at: number | undefined) => (at === undefined ? undefined : Math.min(at, now));
  return {
    since,
    raised: reported.raised,
    at: Math.min(reported.at, now),
    first: reported.first,
    emittedAt: past(reported.emittedAt),
    held: past(reported.held),
    band: reported.band,
    raisedAt: past(reported.raisedAt),
    runUntil:
      run === undefined || reported.runUntil === undefined
        ? undefined
        : Math.min(reported.runUntil, now + run.maxMs),
    loop: before?.loop,
    cut: before?.cut,
  };
}
