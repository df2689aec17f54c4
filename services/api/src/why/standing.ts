import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import {
  type DeviceFacts,
  type Evaluated,
  evaluate,
  type Observation,
} from '@lamplighter/evaluation/evaluate/evaluate';
import { ask, type Clause, type Trace } from '@lamplighter/evaluation/evaluate/trace';
import { obstacles } from '@lamplighter/evaluation/explanation/explain';
import { ExpressionFailed } from '@lamplighter/evaluation/expression/expression';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type PromisedEnd, type RuleState, stateFor } from '@lamplighter/evaluation/rule/rule-state';
import { History, type PastReading } from '@lamplighter/evaluation/rule/window';

/** How a rule stands on a device, or a group: what is believed, and whether it is in force there at all. */
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

/** What a rule says if it looks once more, now. Times are milliseconds on the clock of Redis. */
export interface Standing {
  readonly outcome: Outcome;
  /** When the verdict began, if there is one. */
  readonly since?: number;
  /** Clauses that keep it from the other verdict, or from being judged. */
  readonly keptBy: readonly Clause[];
  readonly trace: Trace;
  /** The last reading is too old to be judged now: what the clauses said of it when it was new. */
  readonly whenNew?: Trace;
  /** The condition asks for neither verdict: what `clear` says beside it. */
  readonly between?: Trace;
  readonly evaluated: Evaluated;
  /** A run that this rule, or an earlier version of it, has started. */
  readonly run?: { readonly until: number; readonly ends?: PromisedEnd | undefined };
}

/** What is known of a device. */
export interface KnownDevice {
  readonly facts: DeviceFacts;
  /** Its last readings, oldest first; the last one is its last state. Empty if it has none. */
  readonly readings: readonly PastReading[];
  readonly state: RuleState | undefined;
}

/** Asks a rule, which decides for each device on its own, about a device as it is. Nothing is written. */
export function standingOf(
  rule: CompiledRule,
  { facts, readings, state }: KnownDevice,
  now: number,
): Standing {
  const history = new History(readings);
  const { newest, heardAt = 0 } = history;
  const reading: Readonly<Record<string, Measurement | undefined>> = newest?.reading ?? {};
  const ageMs = newest === undefined ? 0 : Math.max(0, now - Math.min(newest.receivedAt, newest.at));
  const last = history.beforeNewest?.reading ?? {};
  const observation: Observation = { trigger: 'timer', reading, ageMs, heardAt, last, window: history };
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
    window: history,
    device: facts.address,
  });
  return {
    ...verdictOf(rule, state, inScope(rule.scope, facts.address.device)),
    keptBy: [...new Set(kept)],
    trace,
    ...(whenNew !== undefined && { whenNew }),
    ...(between !== undefined && { between }),
    evaluated,
    ...runOf(state),
  };
}

/** A run that goes on. */
export function runOf(state: RuleState | undefined): Pick<Standing, 'run'> {
  return state?.runUntil === undefined ? {} : { run: { until: state.runUntil, ends: state.ends } };
}

/** What is believed. */
export function verdictOf(
  rule: CompiledRule,
  state: RuleState | undefined,
  isInScope: boolean,
): Pick<Standing, 'outcome' | 'since'> {
  if (!rule.enabled) return { outcome: 'disabled' };
  if (!isInScope) return { outcome: 'out_of_scope' };
  if (state === undefined || state.since !== rule.since || state.first === true)
    return { outcome: 'undecided' };
  return { outcome: state.raised ? 'raised' : 'lowered', since: state.at };
}

/** A lowered rule looks only at `when`; within its hysteresis `clear` does not hold either, and that is the point. */
function betweenLimits(
  rule: CompiledRule,
  state: RuleState | undefined,
  trace: Trace,
  scope: Parameters<typeof ask>[2],
): Trace | undefined {
  const isOff = trace.some(({ clause, value }) => clause === 'when' && value === false);
  if (rule.clear === undefined || state?.raised === true || !isOff) return undefined;
  const clear: Trace = [];
  try {
    return ask('clear', rule.clear, scope, clear) === false ? clear : undefined;
  } catch (error) {
    if (error instanceof ExpressionFailed) return undefined;
    throw error;
  }
}
