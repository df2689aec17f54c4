import { ExpressionFailed } from '../expression/expression.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import { earlierRun, left, type RuleState, stateFor } from '../rule/rule-state.js';
import {
  change,
  type Evaluated,
  endRun,
  LOOP_CUT_MS,
  silenceAwaited,
  silent,
  spoken,
  waking,
} from './evaluate-change.js';
import { runLength, verdictAsked } from './evaluate-condition.js';
import type { DeviceFacts, Inquiry, Observation } from './evaluate-input.js';
import { timeUntilBelieved } from './evaluate-limits.js';
import { hasRestarted, reassert } from './evaluate-repeat.js';
import { ask, type Trace } from './trace.js';

export type { CompiledRule } from '../rule/compile-rule.js';
export type { RuleState } from '../rule/rule-state.js';
export { type EmitReason, type Evaluated, RESULTS } from './evaluate-change.js';
export type { DeviceFacts, Observation } from './evaluate-input.js';

/** A timer may come so late, milliseconds. */
const TIMER_LATE_MS = 1000;

/**
 * Judges a reading, or once more the last one, by the clauses of a rule in the order of docs/rules.md. Pure: no clock, no store,
 * no chance. Never throws: an expression that fails is a result, and leaves the state as it was.
 * @param now server time, milliseconds
 * @param trace is told what each clause found
 */
export function evaluate(
  rule: CompiledRule,
  state: RuleState | undefined,
  observation: Observation,
  device: DeviceFacts,
  now: number,
  trace?: Trace,
): Evaluated {
  const before = stateFor(rule, state);
  const { reading, last, window, value } = observation;
  const scope = { reading, last, device: device.address, window, value };
  const inquiry = { rule, before, observation, scope, device, now, trace };
  const until = earlierRun(rule, state);
  if (until !== undefined) return awaitEarlierRun(inquiry, state!, until);
  try {
    return untilBroken(inquiry, judge(inquiry));
  } catch (error) {
    const { message } = error as Error;
    trace?.push({ clause: 'error', passes: false, reason: message });
    const result = error instanceof ExpressionFailed ? error.kind : 'error';
    return { ...untilBroken(inquiry, silent(before, result)), error: message };
  }
}

/** The rule was changed while its pump runs: it judges again, from scratch, when that run has ended as promised. */
function awaitEarlierRun({ rule, now, trace }: Inquiry, state: RuleState, until: number): Evaluated {
  const isOver = until <= now;
  trace?.push({ clause: 'run', passes: isOver, amount: until - now, until, reason: 'earlier' });
  if (!isOver) return silent(state, 'undecided');
  const emit = state.ends?.action ?? rule.whenFalse;
  if (emit === undefined) return silent(undefined, 'undecided');
  trace?.push({ clause: 'emit', passes: true, value: false, action: emit, reason: 'run_over' });
  return { state: undefined, emit, raise: false, result: 'undecided', reason: 'run_over' };
}

function judge(inquiry: Inquiry): Evaluated {
  const { rule, before, trace } = inquiry;
  if (before?.runUntil !== undefined && runIsOver(inquiry, before.runUntil)) return endRun(inquiry, before);
  if (!rule.enabled) {
    trace?.push({ clause: 'enabled', passes: false });
    return silent(before, 'undecided');
  }
  const unfit = notJudged(inquiry);
  if (unfit !== undefined) return unfit;

  const raised = before?.raised ?? false;
  let band: number | undefined;
  let moved = true;
  if (rule.deadband !== undefined) {
    const value = ask('deadband', rule.deadband.of, inquiry.scope, trace);
    if (value === undefined) return silent(before, 'undecided');
    moved = hasMoved(inquiry, value, rule.deadband.by);
    band = moved ? value : before?.band;
  }
  // A reading that has not moved asks for what the last one asked for, so that what waits goes on waiting.
  let asked = moved ? verdictAsked(inquiry) : raised !== (before?.held !== undefined);
  if (asked === undefined)
    return before === undefined ? silent(before, 'undecided') : repeat(inquiry, before, 'undecided', false);
  let runMs = 0;
  if (asked && !raised && rule.run !== undefined) {
    const ms = runLength(inquiry);
    if (ms === undefined) return silent(before, 'undecided');
    if (ms === 0) asked = false;
    runMs = ms;
  }

  if (asked === raised) {
    const isFirst = before === undefined || before.first === true;
    if (isFirst && rule.absenceMs === undefined) return change(inquiry, raised, band, runMs);
    return repeat(inquiry, stay(inquiry, band), asked ? 'matched' : 'unmatched', moved);
  }
  const ms = timeUntilBelieved(inquiry, asked);
  if (ms === 0) return change(inquiry, asked, band, runMs);
  return repeat(inquiry, wait(inquiry, band), asked ? 'matched' : 'unmatched', moved, inquiry.now + ms);
}

/** Whether a rule judges readings, which grow old; silence and votes are judged as they are now. */
function judgesReadings({ absenceMs, quorum }: CompiledRule): boolean {
  return absenceMs === undefined && quorum === undefined;
}

/** When a verdict that waits for its hold can no longer rely on the last reading, and has to begin again. */
function untilBroken({ rule, observation, now }: Inquiry, evaluated: Evaluated): Evaluated {
  if (evaluated.state?.held === undefined || rule.holdMs === 0 || !judgesReadings(rule)) return evaluated;
  const freshMs = rule.maxAgeMs - observation.ageMs;
  return freshMs < 0
    ? { ...evaluated, state: broken(evaluated.state) }
    : waking(evaluated, now + freshMs + 1);
}

/** A verdict that waits has to last, and nothing is known any more that says so. */
function broken(state: RuleState): RuleState {
  return { ...state, held: undefined, band: undefined };
}

/** Whether a run has come to its end. One that would end later than the longest run is over too: the server's clock was set back. */
function runIsOver({ rule, now, trace }: Inquiry, until: number): boolean {
  const ms = rule.run === undefined ? until - now : left(until - rule.run.maxMs, rule.run.maxMs, now);
  trace?.push({ clause: 'run', passes: ms <= 0, amount: until - now, until });
  return ms <= 0;
}

/** What comes of a reading, or a time, that is not judged: too old, a loop that was cut, or things have not settled. */
function notJudged(inquiry: Inquiry): Evaluated | undefined {
  const { rule, before, observation, now, trace } = inquiry;
  const { ageMs } = observation;
  const isAboutReading = judgesReadings(rule);
  if (isAboutReading) {
    const isFresh = ageMs <= rule.maxAgeMs || isLateTimer(inquiry);
    trace?.push({ clause: 'maxAge', passes: isFresh, amount: ageMs, limit: rule.maxAgeMs });
    if (!isFresh) {
      const isBroken = rule.holdMs > 0 && before?.held !== undefined;
      return silent(isBroken ? broken(before) : before, 'undecided');
    }
  }
  if (before === undefined) return undefined;
  if (before.cut !== undefined && left(before.cut - LOOP_CUT_MS, LOOP_CUT_MS, now) > 0) {
    trace?.push({ clause: 'cut', passes: false, until: before.cut });
    return silent(before, 'undecided', before.cut);
  }
  if ((rule.settleMs === 0 && rule.run === undefined) || !hasActuated(before)) return undefined;
  // A reading that was taken before things had settled, or before the run was over, is not judged later on either.
  const age = isAboutReading ? Math.max(0, ageMs) : 0;
  const isSettled = left(before.at, rule.settleMs + age, now) === 0;
  const until = before.at + rule.settleMs;
  const amount = now - age - before.at;
  trace?.push({ clause: 'settle', passes: isSettled, amount, limit: rule.settleMs, until });
  return isSettled ? undefined : silent(before, 'undecided', isAboutReading ? undefined : until);
}

/** A timer is looked for a few times a second: what was to be believed while the reading was still new enough is believed a little later. */
function isLateTimer(inquiry: Inquiry): boolean {
  const { rule, before, observation, now } = inquiry;
  const tooOldMs = observation.ageMs - rule.maxAgeMs;
  if (observation.trigger === 'reading' || before?.held === undefined || tooOldMs > TIMER_LATE_MS)
    return false;
  return timeUntilBelieved({ ...inquiry, now: now - tooOldMs, trace: undefined }, !before.raised) === 0;
}

function hasMoved({ before, trace }: Inquiry, value: number, by: number): boolean {
  if (before?.band === undefined) return true;
  const distance = Math.abs(value - before.band);
  trace?.push({ clause: 'deadband', passes: distance >= by, amount: distance, limit: by });
  return distance >= by;
}

/** Whether something was commanded with the present verdict. A run does not settle before it is over. */
export function hasActuated({ at, emittedAt, runUntil }: RuleState): boolean {
  return emittedAt !== undefined && emittedAt >= at && runUntil === undefined;
}

/** The other verdict is asked for, and not believed yet. */
function wait({ rule, before, now }: Inquiry, band: number | undefined): RuleState {
  if (before === undefined)
    return { since: rule.since, raised: false, at: now, first: true, held: now, band };
  if (before.held !== undefined && before.band === band && before.cut === undefined) return before;
  return { ...before, held: before.held ?? now, band, cut: undefined };
}

/** The verdict is what it was. */
function stay({ rule, before, now }: Inquiry, band: number | undefined): RuleState {
  if (before === undefined) return { since: rule.since, raised: false, at: now, first: true };
  if (before.held === undefined && before.band === band && before.cut === undefined) return before;
  return { ...before, held: undefined, band, cut: undefined };
}

/** Says again what holds where that is wanted: to every reading, or because the device seems not to know. */
function repeat(
  inquiry: Inquiry,
  state: RuleState,
  result: Evaluated['result'],
  moved: boolean,
  believedAt?: number,
): Evaluated {
  const { rule, observation, device } = inquiry;
  const action = state.raised ? rule.whenTrue : rule.whenFalse;
  let told = state;
  if (observation.trigger === 'reading' && action !== undefined) {
    const answersAll = rule.mode === 'every' || (device.lesson && rule.absenceMs === undefined);
    if (answersAll && moved) {
      const answered = state.told === device.startedAt ? state : { ...state, told: device.startedAt };
      return waking(spoken(inquiry, answered, action, result, 'every'), believedAt);
    }
    if (!answersAll || hasRestarted(device, state)) told = reassert(inquiry, state);
    if (told.emittedAt !== state.emittedAt)
      return waking(spoken(inquiry, told, action, result, 'reassert'), believedAt);
  }
  const value = state.first === true ? undefined : state.raised;
  inquiry.trace?.push({ clause: 'emit', passes: false, value, amount: inquiry.now - state.at });
  return waking(silent(told, result, believedAt), silenceAwaited(inquiry, told));
}
