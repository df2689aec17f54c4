import { left } from '../rule/rule-state.js';
import type { Inquiry } from './evaluate-input.js';

/**
 * How long it will be until another verdict than the present one may be believed, milliseconds; 0 if it may be now. Hold, dwell, quiet
 * hours and cooldown all have to agree; each tells the trace.
 * @param asked the verdict that is asked for
 */
export function timeUntilBelieved(inquiry: Inquiry, asked: boolean): number {
  const { rule, before, now, trace } = inquiry;
  let ms = 0;
  if (rule.holdMs > 0) ms = limit(inquiry, 'hold', before?.held ?? now, rule.holdMs);
  // The first verdict has none before it that would have to stay.
  if (rule.dwellMs > 0 && before !== undefined && before.first !== true)
    ms = Math.max(ms, limit(inquiry, 'dwell', before.at, rule.dwellMs));
  if (!asked) return ms;
  if (rule.quiet !== undefined) {
    const { from, to, timeZone } = rule.quiet;
    const end = rule.quiet.endOf(now);
    trace?.push({
      clause: 'quiet',
      passes: end === undefined,
      text: `${from} to ${to} ${timeZone}`,
      until: end,
    });
    if (end !== undefined) ms = Math.max(ms, end - now);
  }
  if (rule.cooldownMs > 0 && before?.raisedAt !== undefined)
    ms = Math.max(ms, limit(inquiry, 'cooldown', before.raisedAt, rule.cooldownMs));
  return ms;
}

function limit(
  { now, trace }: Inquiry,
  clause: 'hold' | 'dwell' | 'cooldown',
  from: number,
  durationMs: number,
): number {
  const ms = left(from, durationMs, now);
  trace?.push({ clause, passes: ms === 0, amount: now - from, limit: durationMs, until: from + durationMs });
  return ms;
}
