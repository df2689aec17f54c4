import { hasRestarted, stateAfterReassert } from '../clauses/commands/reassert.js';
import { run } from '../clauses/commands/run.js';
import { absence, evaluatesReadings, nextSilenceAt } from '../clauses/conditions/absence.js';
import { deadband } from '../clauses/conditions/deadband.js';
import { quorum } from '../clauses/conditions/quorum.js';
import { when } from '../clauses/conditions/when.js';
import { restartHold } from '../clauses/delays/hold.js';
import { delayMs, firstStop } from '../clauses/rule-clauses.js';
import { type Evaluated, notEmitted, type Result, wakingBy } from '../context/evaluated.js';
import type { DeviceFacts, EvaluationContext, Observation } from '../context/evaluation-context.js';
import { type RuleState, stateFor } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { ExpressionFailed } from '../expression/errors.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import { changeVerdict, emitted, endRun } from './change-verdict.js';

type Context = EvaluationContext<CompiledRule>;

/**
 * Evaluates a rule on a reading, or again on the last one, clause by clause in the order of docs/rules.md. Pure: no clock, no store, no
 * randomness. Never throws: an expression that fails is a result, and leaves the state unchanged.
 * @param now server time, milliseconds
 * @param trace receives the result of each clause
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
  const context = { rule, before, observation, scope, device, now, trace };
  if (state !== undefined && before === undefined && state.runUntil !== undefined)
    return awaitEarlierRun(context, state, state.runUntil);
  try {
    return expireHold(context, evaluateClauses(context));
  } catch (error) {
    const { message } = error as Error;
    trace?.push({ clause: 'error', passes: false, reason: message });
    const result = error instanceof ExpressionFailed ? error.kind : 'error';
    return { ...expireHold(context, notEmitted(before, result)), error: message };
  }
}

/** The rule was changed during a run: the new version starts from scratch when that run has ended as promised. */
function awaitEarlierRun({ rule, now, trace }: Context, state: RuleState, until: number): Evaluated {
  const isOver = until <= now;
  trace?.push({ clause: 'run', passes: isOver, amount: until - now, until, reason: 'earlier' });
  if (!isOver) return notEmitted(state, 'undecided');
  const emit = state.ends?.action ?? rule.whenFalse;
  if (emit === undefined) return notEmitted(undefined, 'undecided');
  trace?.push({ clause: 'emit', passes: true, value: false, action: emit, reason: 'run_over' });
  return { state: undefined, emit, raise: false, result: 'undecided', reason: 'run_over' };
}

function evaluateClauses(context: Context): Evaluated {
  const { rule, before, now } = context;
  if (before?.runUntil !== undefined && run.isOver(context, before.runUntil)) return endRun(context, before);
  const raised = before?.raised ?? false;
  const stop = firstStop(context);
  if (stop !== undefined) return notEmitted(stop.state, 'undecided', stop.wakeAt);
  const movement = deadband.movement(context);
  if (movement === undefined) return notEmitted(before, 'undecided');
  const { moved, band } = movement;
  // A skipped reading requests the same verdict as the previous one, so that a pending hold continues.
  let requested = moved ? requestedVerdict(context) : raised !== (before?.held !== undefined);
  if (requested === undefined)
    return before === undefined
      ? notEmitted(before, 'undecided')
      : repeatCommand(context, before, 'undecided', false);
  let runMs = 0;
  if (requested && !raised && rule.run !== undefined) {
    const ms = run.lengthMs(context);
    if (ms === undefined) return notEmitted(before, 'undecided');
    if (ms === 0) requested = false;
    runMs = ms;
  }
  const result = requested ? 'matched' : 'unmatched';
  if (requested === raised) {
    const isFirst = before === undefined || before.first === true;
    if (isFirst && rule.absenceMs === undefined) return changeVerdict(context, raised, band, runMs);
    return repeatCommand(context, keepVerdict(context, band), result, moved);
  }
  const ms = delayMs(context, requested);
  if (ms === 0) return changeVerdict(context, requested, band, runMs);
  return repeatCommand(context, holdVerdict(context, band), result, moved, now + ms);
}

/** The verdict that silence, a run in progress, the votes of a quorum, or the condition request. */
function requestedVerdict(context: Context): boolean | undefined {
  const { rule, before } = context;
  if (rule.absenceMs !== undefined) return absence.verdict(context);
  // Readings do not end a run, except through `clear`.
  if (before?.runUntil !== undefined && rule.clear === undefined) return true;
  return rule.quorum === undefined ? when.verdict(context) : quorum.verdict(context);
}

/** When a pending hold can no longer rely on the last reading, it restarts. */
function expireHold({ rule, observation, now }: Context, evaluated: Evaluated): Evaluated {
  if (evaluated.state?.held === undefined || rule.holdMs === 0 || !evaluatesReadings(rule)) return evaluated;
  const freshMs = rule.maxAgeMs - observation.ageMs;
  return freshMs < 0
    ? { ...evaluated, state: restartHold(evaluated.state) }
    : wakingBy(evaluated, now + freshMs + 1);
}

/** The other verdict is requested and delayed. */
function holdVerdict({ rule, before, now }: Context, band: number | undefined): RuleState {
  if (before === undefined)
    return { since: rule.since, raised: false, at: now, first: true, held: now, band };
  if (before.held !== undefined && before.band === band && before.cut === undefined) return before;
  return { ...before, held: before.held ?? now, band, cut: undefined };
}

/** The verdict does not change. */
function keepVerdict({ rule, before, now }: Context, band: number | undefined): RuleState {
  if (before === undefined) return { since: rule.since, raised: false, at: now, first: true };
  if (before.held === undefined && before.band === band && before.cut === undefined) return before;
  return { ...before, held: undefined, band, cut: undefined };
}

/** Sends the command of an unchanged verdict again where that is due: on every reading, or by re-assertion. */
function repeatCommand(
  context: Context,
  state: RuleState,
  result: Result,
  moved: boolean,
  delayedUntil?: number,
): Evaluated {
  const { rule, observation, device } = context;
  const action = state.raised ? rule.whenTrue : rule.whenFalse;
  let next = state;
  if (observation.trigger === 'reading' && action !== undefined) {
    const commandsAll = rule.mode === 'every' || (device.lesson && rule.absenceMs === undefined);
    if (commandsAll && moved) {
      const commanded = state.told === device.startedAt ? state : { ...state, told: device.startedAt };
      return wakingBy(emitted(context, commanded, action, result, 'every'), delayedUntil);
    }
    // Each target of a quorum repeats the action of its group, see quorum-target.ts.
    if ((!commandsAll || hasRestarted(device, state)) && rule.quorum === undefined)
      next = stateAfterReassert(context, action, state, state.raised);
    if (next.emittedAt !== state.emittedAt)
      return wakingBy(emitted(context, next, action, result, 'reassert'), delayedUntil);
  }
  const value = state.first === true ? undefined : state.raised;
  context.trace?.push({ clause: 'emit', passes: false, value, amount: context.now - state.at });
  return wakingBy(notEmitted(next, result, delayedUntil), nextSilenceAt(context, next));
}
