import type { EvaluationContext } from '../../context/evaluation-context.js';
import { remainingMs } from '../../context/rule-state.js';
import type { Clause } from '../../context/trace.js';

/** How long a clause still delays a verdict, milliseconds; recorded in the trace. */
export function limitMs(
  { now, trace }: EvaluationContext<unknown>,
  clause: Clause,
  from: number,
  durationMs: number,
): number {
  const ms = remainingMs(from, durationMs, now);
  trace?.push({ clause, passes: ms === 0, amount: now - from, limit: durationMs, until: from + durationMs });
  return ms;
}
