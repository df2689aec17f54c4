import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Evaluated } from '@lamplighter/evaluation/context/evaluated';
import type { DeviceFacts, Observation } from '@lamplighter/evaluation/context/evaluation-context';
import { type PromisedEnd, type RuleState, stateFor } from '@lamplighter/evaluation/context/rule-state';
import { type Clause, evaluateTraced, type Trace } from '@lamplighter/evaluation/context/trace';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { obstacles } from '@lamplighter/evaluation/explanation/explain';
import { ExpressionFailed } from '@lamplighter/evaluation/expression/expression';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type PastReading, ReadingWindow } from '@lamplighter/evaluation/window/reading-window';

/** The verdict of a rule on a device or group, or why the rule is not evaluated there. */
export const OUTCOMES = [
  'raised',
  'lowered',
  'undecided',
  'disabled',
  'rules_off',
  'out_of_scope',
  'unreadable',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The current verdict of a rule and the result of evaluating it now. Times are milliseconds on the Redis clock. */
export interface RuleVerdict {
  readonly outcome: Outcome;
  /** Start of the verdict, if there is one. */
  readonly since?: number;
  /** Clauses that prevent the other verdict, or an evaluation. */
  readonly keptBy: readonly Clause[];
  readonly trace: Trace;
  /** If the last reading is now too old: the result of the clauses on its arrival. */
  readonly whenNew?: Trace;
  /** If neither `when` nor `clear` holds (hysteresis): the result of `clear`. */
  readonly between?: Trace;
  readonly evaluated: Evaluated;
  /** A run started by this or an earlier version of the rule. */
  readonly run?: { readonly until: number; readonly ends?: PromisedEnd | undefined };
}

/** What is stored about a device. */
export interface DeviceSnapshot {
  readonly facts: DeviceFacts;
  /** Its last readings, oldest first; the last one is its last state. */
  readonly readings: readonly PastReading[];
  readonly state: RuleState | undefined;
}

/** Evaluates a rule without quorum on the current state of a device. Writes nothing. */
export function evaluateNow(
  rule: CompiledRule,
  { facts, readings, state }: DeviceSnapshot,
  now: number,
): RuleVerdict {
  const window = new ReadingWindow(readings);
  const { newest, lastReceivedAt: heardAt = 0 } = window;
  const reading: Readonly<Record<string, Measurement | undefined>> = newest?.reading ?? {};
  const ageMs = newest === undefined ? 0 : Math.max(0, now - Math.min(newest.receivedAt, newest.at));
  const last = window.beforeNewest?.reading ?? {};
  const observation: Observation = { trigger: 'timer', reading, ageMs, heardAt, last, window };
  const trace: Trace = [];
  const evaluated = evaluate(rule, state, observation, facts, now, trace);
  let whenNew: Trace | undefined;
  if (newest !== undefined && trace.some(({ clause, passes }) => clause === 'maxAge' && !passes)) {
    whenNew = [];
    evaluate(rule, state, { ...observation, ageMs: 0 }, facts, newest.receivedAt, whenNew);
  }
  const raised = stateFor(rule, state)?.raised;
  const kept = [...obstacles(trace, raised), ...obstacles(whenNew ?? [], raised)].map(({ clause }) => clause);
  const between = betweenLimits(rule, state, whenNew ?? trace, {
    reading,
    last,
    window,
    device: facts.address,
  });
  return {
    ...storedVerdict(rule, state, inScope(rule.scope, facts.address.device)),
    keptBy: [...new Set(kept)],
    trace,
    ...(whenNew !== undefined && { whenNew }),
    ...(between !== undefined && { between }),
    evaluated,
    ...runIn(state),
  };
}

/** A run in progress. */
export function runIn(state: RuleState | undefined): Pick<RuleVerdict, 'run'> {
  return state?.runUntil === undefined ? {} : { run: { until: state.runUntil, ends: state.ends } };
}

/** The stored verdict. */
export function storedVerdict(
  rule: CompiledRule,
  state: RuleState | undefined,
  isInScope: boolean,
): Pick<RuleVerdict, 'outcome' | 'since'> {
  if (!rule.enabled) return { outcome: 'disabled' };
  if (!isInScope) return { outcome: 'out_of_scope' };
  if (state === undefined || state.since !== rule.since || state.first === true)
    return { outcome: 'undecided' };
  return { outcome: state.raised ? 'raised' : 'lowered', since: state.at };
}

/** A lowered rule evaluates only `when`. If `clear` does not hold either, the value is within the hysteresis. */
function betweenLimits(
  rule: CompiledRule,
  state: RuleState | undefined,
  trace: Trace,
  scope: Parameters<typeof evaluateTraced>[2],
): Trace | undefined {
  const isOff = trace.some(({ clause, value }) => clause === 'when' && value === false);
  if (rule.clear === undefined || state?.raised === true || !isOff) return undefined;
  const clear: Trace = [];
  try {
    return evaluateTraced('clear', rule.clear, scope, clear) === false ? clear : undefined;
  } catch (error) {
    if (error instanceof ExpressionFailed) return undefined;
    throw error;
  }
}
