import type { Action } from '@lamplighter/contracts/commands/command';
import type { CompiledRule } from '../rule/compile-rule.js';
import { left, type PromisedEnd, type RuleState } from '../rule/rule-state.js';
import { absenceLimitMs, silenceDue } from './evaluate-condition.js';
import type { Inquiry } from './evaluate-input.js';

/** A rule that changes its mind more often than this is a loop: three times a second in the long run, sixty times at once. */
const LOOP_INTERVAL_MS = 333;
const LOOP_BURST_MS = 60 * LOOP_INTERVAL_MS;
/** A loop is cut for this long, milliseconds. */
export const LOOP_CUT_MS = 60_000;

/** Why an action is emitted. */
export type EmitReason = 'change' | 'every' | 'reassert' | 'run_over' | 'first';

/** What came of judging: a closed set, as it is a metric label. `undecided`: it was not judged, or the reading does not say. */
export const RESULTS = ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'] as const;
export type Result = (typeof RESULTS)[number];

/** What a verdict leads to. */
export interface Evaluated {
  /** The next state; the same object when nothing changed. Undefined when there is none yet. */
  readonly state: RuleState | undefined;
  /** The action to command, if any, and which side of the rule it is. */
  readonly emit: Action | undefined;
  readonly raise: boolean | undefined;
  readonly result: Result;
  readonly error?: string;
  /** Of a run that is over: how it was promised to end, if that was stored. */
  readonly promised?: PromisedEnd | undefined;
  /** Judge again by timer then, server time in ms: sooner is harmless, later delays what is due. */
  readonly wakeAt?: number;
  readonly reason?: EmitReason;
}

/**
 * The other verdict, or the first one, is believed from now on, and its action is emitted, unless the rule goes round in circles.
 * @param band the value judged, for the deadband
 * @param runMs how long a raise runs, if the rule has runs
 */
export function change(
  inquiry: Inquiry,
  raised: boolean,
  band: number | undefined,
  runMs: number,
): Evaluated {
  const { rule, before, device, now, trace } = inquiry;
  const result = raised ? 'matched' : 'unmatched';
  // GCRA: each change uses up an interval of the burst, and time gives it back.
  const used = before?.loop === undefined ? 0 : left(before.loop - LOOP_BURST_MS, LOOP_BURST_MS, now);
  if (before !== undefined && used + LOOP_INTERVAL_MS > LOOP_BURST_MS) {
    const cut = now + LOOP_CUT_MS;
    trace?.push({ clause: 'loop', passes: false, limit: LOOP_CUT_MS, until: cut });
    return silent({ ...before, cut }, result, cut);
  }
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
    loop: now + used + LOOP_INTERVAL_MS,
  };
  return spoken(inquiry, state, emit, result, isFirst ? 'first' : 'change');
}

/** The time of a run is over, whatever the readings say. */
export function endRun(inquiry: Inquiry, before: RuleState): Evaluated {
  const { rule, device, now } = inquiry;
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
    ...spoken(inquiry, state, rule.whenFalse, 'unmatched', 'run_over'),
    ...(before.ends !== undefined && { promised: before.ends }),
  };
  // Votes and silence are judged as they are: they may call for the next run at once.
  const isReading = rule.quorum === undefined && rule.absenceMs === undefined;
  return isReading ? over : waking(over, now + Math.max(1, rule.settleMs));
}

/** Emits what holds by a state. */
export function spoken(
  inquiry: Inquiry,
  state: RuleState,
  emit: Action | undefined,
  result: Result,
  reason: EmitReason,
): Evaluated {
  const { raised } = state;
  inquiry.trace?.push({ clause: 'emit', passes: emit !== undefined, value: raised, action: emit, reason });
  const wakeAt = earliest(state.runUntil, silenceAwaited(inquiry, state));
  if (emit === undefined) return { state, emit, raise: undefined, result, wakeAt };
  return { state, emit, raise: raised, result, wakeAt, reason };
}

/**
 * Emits nothing.
 * @param wakeAt when to judge again, besides the end of a run
 */
export function silent(state: RuleState | undefined, result: Result, wakeAt?: number): Evaluated {
  return { state, emit: undefined, raise: undefined, result, wakeAt: earliest(state?.runUntil, wakeAt) };
}

/** The same, judged again by then at the latest. */
export function waking(evaluated: Evaluated, wakeAt: number | undefined): Evaluated {
  return wakeAt === undefined ? evaluated : { ...evaluated, wakeAt: earliest(evaluated.wakeAt, wakeAt) };
}

/** When silence would raise the rule, or would end the hold for which it has to be over; undefined if it would do neither. */
export function silenceAwaited({ rule, observation, now }: Inquiry, state: RuleState): number | undefined {
  const holds = state.held !== undefined;
  if (rule.absenceMs === undefined || state.raised !== holds) return undefined;
  const due = silenceDue(absenceLimitMs(rule.absenceMs, observation), state, observation, now);
  return due === undefined || due <= now ? undefined : due;
}

/** When a rule that is lowered was raised, if it will want to know: for the cooldown, and so that a silence is told only once. */
function raiseToRemember({ cooldownMs, absenceMs }: CompiledRule, { at }: RuleState): number | undefined {
  return cooldownMs > 0 || absenceMs !== undefined ? at : undefined;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
