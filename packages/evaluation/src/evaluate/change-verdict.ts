import type { Action } from '@lamplighter/contracts/commands/command';
import { evaluatesReadings, nextSilenceAt } from '../clauses/conditions/absence.js';
import { loop } from '../clauses/stops/loop.js';
import {
  type EmitReason,
  type Evaluated,
  earliest,
  notEmitted,
  type Result,
  wakingBy,
} from '../context/evaluated.js';
import type { EvaluationContext } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { CompiledRule } from '../rule/compile-rule.js';

type Context = EvaluationContext<CompiledRule>;

/**
 * The other verdict, or the first one, takes effect and its action is emitted, unless the rule loops.
 * @param band the evaluated value, for the deadband
 * @param runMs how long a raise runs, if the rule has runs
 */
export function changeVerdict(
  context: Context,
  raised: boolean,
  band: number | undefined,
  runMs: number,
): Evaluated {
  const { rule, before, device, now } = context;
  const result = raised ? 'matched' : 'unmatched';
  const allowance = loop.afterChange(context);
  if ('state' in allowance) return notEmitted(allowance.state, result, allowance.wakeAt);
  const emit = raised ? rule.whenTrue : rule.whenFalse;
  const isFirst = rule.absenceMs === undefined && (before === undefined || before.first === true);
  const state: RuleState = {
    since: rule.since,
    raised,
    at: now,
    emittedAt: emit === undefined ? before?.emittedAt : now,
    told: emit === undefined ? before?.told : device.startedAt,
    band,
    raisedAt: before?.raised === true ? raiseToRemember(rule, before) : undefined,
    runUntil: raised && rule.run !== undefined ? now + runMs : undefined,
    loop: allowance.loop,
  };
  return emitted(context, state, emit, result, isFirst ? 'first' : 'change');
}

/** Ends a run whose time is over, regardless of the readings. */
export function endRun(context: Context, before: RuleState): Evaluated {
  const { rule, device, now } = context;
  const { since, band, loop, cut } = before;
  const state: RuleState = {
    since,
    raised: false,
    at: now,
    emittedAt: now,
    told: device.startedAt,
    band,
    raisedAt: raiseToRemember(rule, before),
    loop,
    cut,
  };
  const over = {
    ...emitted(context, state, rule.whenFalse, 'unmatched', 'run_over'),
    ...(before.ends !== undefined && { promised: before.ends }),
  };
  // Votes and silence do not age: they can start the next run immediately.
  return evaluatesReadings(rule) ? over : wakingBy(over, now + Math.max(1, rule.settleMs));
}

/** Emits the action of a state. */
export function emitted(
  context: Context,
  state: RuleState,
  emit: Action | undefined,
  result: Result,
  reason: EmitReason,
): Evaluated {
  const { raised } = state;
  context.trace?.push({ clause: 'emit', passes: emit !== undefined, value: raised, action: emit, reason });
  const wakeAt = earliest(state.runUntil, nextSilenceAt(context, state));
  if (emit === undefined) return { state, emit, raise: undefined, result, wakeAt };
  return { state, emit, raise: raised, result, wakeAt, reason };
}

/** When a lowered rule was raised, if it needs that: for the cooldown, and to raise only once for a silence. */
function raiseToRemember({ cooldownMs, absenceMs }: CompiledRule, { at }: RuleState): number | undefined {
  return cooldownMs > 0 || absenceMs !== undefined ? at : undefined;
}
