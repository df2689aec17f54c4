import type { Action } from '@lamplighter/contracts/commands/command';
import type { PromisedEnd, RuleState } from './rule-state.js';

/** Why an action is emitted. */
export type EmitReason = 'change' | 'every' | 'reassert' | 'run_over' | 'first';

/** The result of an evaluation. A closed set: it is a metric label. `undecided`: stopped by a clause, or a needed value is missing. */
export const RESULTS = ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'] as const;
export type Result = (typeof RESULTS)[number];

/** The outcome of an evaluation. */
export interface Evaluated {
  /** The next state; the same object if nothing changed. Undefined if there is none yet. */
  readonly state: RuleState | undefined;
  /** The action to command, if any, and whether it is `then` (true) or `else`. */
  readonly emit: Action | undefined;
  readonly raise: boolean | undefined;
  readonly result: Result;
  readonly error?: string;
  /** For a run that is over: the end that was stored with it. */
  readonly promised?: PromisedEnd | undefined;
  /** When to evaluate again by timer, server time in ms. An earlier evaluation is harmless; a later one delays commands. */
  readonly wakeAt?: number;
  readonly reason?: EmitReason;
}

/**
 * An evaluation that commands nothing.
 * @param wakeAt when to evaluate again, apart from the end of a run
 */
export function notEmitted(state: RuleState | undefined, result: Result, wakeAt?: number): Evaluated {
  return { state, emit: undefined, raise: undefined, result, wakeAt: earliest(state?.runUntil, wakeAt) };
}

/** The same outcome, with another evaluation no later than `wakeAt`. */
export function wakingBy(evaluated: Evaluated, wakeAt: number | undefined): Evaluated {
  return wakeAt === undefined ? evaluated : { ...evaluated, wakeAt: earliest(evaluated.wakeAt, wakeAt) };
}

/** The earlier of two times, either of which may be missing. */
export function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
