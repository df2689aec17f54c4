import type { EvaluationContext } from '../../context/evaluation-context.js';
import type { TraceStep } from '../../context/trace.js';
import { type CompiledAbsence, evaluatesReadings } from '../conditions/absence.js';
import type { CompiledQuorumClause } from '../conditions/quorum.js';
import { durationField, milliseconds, type Stop } from '../definition/clause.js';
import { duration } from '../definition/sentences.js';
import { type CompiledHold, restartHold } from '../delays/hold.js';

export interface CompiledMaxAge {
  readonly maxAgeMs: number;
}
type Context = EvaluationContext<CompiledMaxAge & CompiledHold & CompiledAbsence & CompiledQuorumClause>;

/** Maximum delay of a timer, milliseconds. */
const TIMER_LATE_MS = 1000;

/** Older readings are not evaluated, and restart a pending hold. */
export const maxAge = {
  fields: { maxAge: durationField(0, 'An older reading is stored but not evaluated.').default('30s') },
  examples: { maxAge: '2m' },
  compile: (rule: { readonly maxAge: string }): CompiledMaxAge => ({ maxAgeMs: milliseconds(rule.maxAge) }),
  /** @param delayMs how long a verdict is delayed; passed in because it depends on all clauses */
  stop<C extends Context>(context: C, delayMs: DelayMs<C>): Stop | undefined {
    const { rule, before, observation, trace } = context;
    if (!evaluatesReadings(rule)) return undefined;
    const { ageMs } = observation;
    const isFresh = ageMs <= rule.maxAgeMs || isLateTimer(context, delayMs);
    trace?.push({ clause: 'maxAge', passes: isFresh, amount: ageMs, limit: rule.maxAgeMs });
    if (isFresh) return undefined;
    return { state: rule.holdMs > 0 && before?.held !== undefined ? restartHold(before) : before };
  },
  sentences: {
    maxAge: ({ passes, amount = 0, limit = 0 }: TraceStep) =>
      passes
        ? `the reading was ${duration(amount)} old, ${duration(limit)} are allowed`
        : `the reading was ${duration(amount)} old, too old for the ${duration(limit)} that are allowed`,
  },
};

type DelayMs<C> = (context: C, raises: boolean) => number;

/** Timers are checked a few times a second: a verdict that took effect while the reading was fresh does so slightly later. */
function isLateTimer<C extends Context>(context: C, delayMs: DelayMs<C>): boolean {
  const { rule, before, observation, now } = context;
  const tooOldMs = observation.ageMs - rule.maxAgeMs;
  if (observation.trigger === 'reading' || before?.held === undefined || tooOldMs > TIMER_LATE_MS)
    return false;
  return delayMs({ ...context, now: now - tooOldMs, trace: undefined }, !before.raised) === 0;
}
