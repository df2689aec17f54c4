import type { Scope } from '../expression/expression.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { RuleState } from '../rule/rule-state.js';
import type { Inquiry, Observation } from './evaluate-input.js';
import { ask, type Trace } from './trace.js';

/**
 * What a rule's condition asks for, hysteresis included: true, the raised verdict; false, the lowered one; undefined, the reading does
 * not say. Between `when` and `clear` everything stays as it is, and where both hold nothing is raised.
 * @param raised the verdict so far
 * @throws ExpressionFailed
 */
export function conditionHolds(
  { when, clear }: CompiledRule,
  raised: boolean,
  scope: Scope,
  trace?: Trace,
): boolean | undefined {
  if (raised && clear !== undefined) {
    const clears = ask('clear', clear, scope, trace);
    return clears === undefined ? undefined : !clears;
  }
  if (when === undefined) return undefined;
  const holds = ask('when', when, scope, trace);
  if (holds !== true || clear === undefined) return holds;
  return ask('clear', clear, scope, trace) !== true;
}

/** What is asked for now, by silence, by the votes of a quorum, by a run that goes on, or by the condition. */
export function verdictAsked(inquiry: Inquiry): boolean | undefined {
  const { rule, before, observation, scope, now, trace } = inquiry;
  if (rule.absenceMs !== undefined) {
    const limitMs = absenceLimitMs(rule.absenceMs, observation);
    const due = silenceDue(limitMs, before, observation, now);
    // What was raised lasts until the device is heard: that nobody listened meanwhile does not end a silence.
    const { trigger, heardAt } = observation;
    const isUnheard = trigger === 'timer' && before?.raised === true && heardAt < before.at;
    const silent = isUnheard || (due !== undefined && now >= due);
    const since = isUnheard || due === undefined ? heardAt : due - limitMs;
    trace?.push({
      clause: 'absence',
      passes: silent,
      amount: now - since,
      limit: limitMs,
      until: due,
    });
    return silent;
  }
  // A run goes on for its time whatever the readings say, unless `clear` says that it is enough.
  if (before?.runUntil !== undefined && rule.clear === undefined) return true;
  if (rule.quorum === undefined) return conditionHolds(rule, before?.raised ?? false, scope, trace);
  const { verdict } = observation;
  trace?.push({ clause: 'quorum', passes: verdict === true, value: verdict });
  return verdict;
}

/** The silence that counts as an absence of a device: not shorter than the one that it was told to keep. */
export function absenceLimitMs(absenceMs: number, { longestIntervalMs = 0 }: Observation): number {
  return Math.max(absenceMs, 1.5 * longestIntervalMs);
}

/**
 * When the silence will have lasted long enough; undefined if this silence has been told already (by a run that is over).
 * A rule that has never spoken counts from its own beginning: what it has not watched is no silence.
 */
export function silenceDue(
  afterMs: number,
  state: RuleState | undefined,
  { heardAt, listeningSince = 0 }: Pick<Observation, 'heardAt' | 'listeningSince'>,
  now: number,
): number | undefined {
  if (state === undefined) return now + afterMs;
  if (state.raisedAt !== undefined && heardAt < state.raisedAt) return undefined;
  return Math.max(heardAt, listeningSince, state.first === true ? state.at : 0) + afterMs;
}

/** How long a raise would run, milliseconds; 0 if it need not run at all, undefined if the reading does not say. */
export function runLength({ rule, scope, trace }: Inquiry): number | undefined {
  const { seconds: expression, maxMs } = rule.run!;
  const lengthMs = (seconds: number) => Math.max(0, Math.round(Math.min(maxMs, seconds * 1000)));
  const seconds = ask('seconds', expression, scope, trace, (value) => lengthMs(value) > 0);
  return seconds === undefined ? undefined : lengthMs(seconds);
}
