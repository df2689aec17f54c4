import type { EvaluationContext } from '../../context/evaluation-context.js';
import { type RuleState, remainingMs } from '../../context/rule-state.js';
import type { TraceStep } from '../../context/trace.js';
import type { Stop } from '../definition/clause.js';
import { duration, type Mood, time } from '../definition/sentences.js';

/** A rule that changes its verdict more often is a loop: three times a second sustained, sixty times in a burst. */
const LOOP_INTERVAL_MS = 333;
const LOOP_BURST_MS = 60 * LOOP_INTERVAL_MS;
/** How long a loop is cut, milliseconds. */
const LOOP_CUT_MS = 60_000;

/** A rule that loops is not evaluated for a minute. */
export const loop = {
  stop({ before, now, trace }: EvaluationContext<unknown>): Stop | undefined {
    if (before === undefined || !isCut(before, now)) return undefined;
    trace?.push({ clause: 'cut', passes: false, until: before.cut });
    return { state: before, wakeAt: before.cut };
  },
  /** The allowance (GCRA) after one more change; or, if it is used up, the state in which the rule is cut. */
  afterChange({ before, now, trace }: EvaluationContext<unknown>): { readonly loop: number } | Stop {
    const used =
      before?.loop === undefined ? 0 : remainingMs(before.loop - LOOP_BURST_MS, LOOP_BURST_MS, now);
    if (before === undefined || used + LOOP_INTERVAL_MS <= LOOP_BURST_MS)
      return { loop: now + used + LOOP_INTERVAL_MS };
    const cut = now + LOOP_CUT_MS;
    trace?.push({ clause: 'loop', passes: false, limit: LOOP_CUT_MS, until: cut });
    return { state: { ...before, cut }, wakeAt: cut };
  },
  sentences: {
    cut: ({ until = 0 }: TraceStep) =>
      `the rule had changed its verdict too often, and was cut until ${time(until)}`,
    loop: ({ limit = 0 }: TraceStep, mood: Mood) =>
      `the rule changed its verdict too often: it ${mood} cut for ${duration(limit)}, and no command ${mood} sent`,
  },
};

/** Whether the rule is cut because it looped. */
export function isCut({ cut }: RuleState, now: number): boolean {
  return cut !== undefined && remainingMs(cut - LOOP_CUT_MS, LOOP_CUT_MS, now) > 0;
}
