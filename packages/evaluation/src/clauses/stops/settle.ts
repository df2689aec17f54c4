import type { EvaluationContext } from '../../context/evaluation-context.js';
import { type RuleState, remainingMs } from '../../context/rule-state.js';
import type { TraceStep } from '../../context/trace.js';
import type { CompiledRun } from '../commands/run.js';
import { type CompiledAbsence, evaluatesReadings } from '../conditions/absence.js';
import type { CompiledQuorumClause } from '../conditions/quorum.js';
import { durationField, milliseconds, type Stop } from '../definition/clause.js';
import { duration } from '../definition/sentences.js';

export interface CompiledSettle {
  readonly settleMs: number;
}
type Context = EvaluationContext<CompiledSettle & CompiledRun & CompiledAbsence & CompiledQuorumClause>;

/** Nothing is evaluated after a command until its effect shows in readings. */
export const settle = {
  fields: {
    settle: durationField(
      0,
      'How long after a command readings are stored but not evaluated, until its effect shows in them.',
    ).default('0s'),
  },
  examples: { settle: '5s' },
  compile: (rule: { readonly settle: string }): CompiledSettle => ({ settleMs: milliseconds(rule.settle) }),
  stop({ rule, before, observation, now, trace }: Context): Stop | undefined {
    if (before === undefined || (rule.settleMs === 0 && rule.run === undefined) || !hasActuated(before))
      return undefined;
    // A reading from before the end of the settling time, or of the run, is not evaluated later either.
    const isReading = evaluatesReadings(rule);
    const age = isReading ? Math.max(0, observation.ageMs) : 0;
    const isSettled = remainingMs(before.at, rule.settleMs + age, now) === 0;
    const until = before.at + rule.settleMs;
    const amount = now - age - before.at;
    trace?.push({ clause: 'settle', passes: isSettled, amount, limit: rule.settleMs, until });
    return isSettled ? undefined : { state: before, wakeAt: isReading ? undefined : until };
  },
  sentences: {
    settle({ passes, amount = 0, limit = 0 }: TraceStep): string {
      if (limit === 0) return `the reading was taken ${passes ? 'after' : 'before'} the last command`;
      return passes
        ? `at least ${duration(limit)} had passed since the last command (settle)`
        : `only ${duration(Math.max(0, amount))} of ${duration(limit)} had passed since the last command (settle)`;
    },
  },
};

/** Whether a command was emitted with the current verdict. Settling starts at the end of a run. */
export function hasActuated({ at, emittedAt, runUntil }: RuleState): boolean {
  return emittedAt !== undefined && emittedAt >= at && runUntil === undefined;
}
