import type { Action } from '@lamplighter/contracts/commands/command';
import type { PromisedEnd, RuleState } from './rule-state.js';

/** Why an action is emitted. */
export type EmitReason = 'change' | 'every' | 'reassert' | 'run_over' | 'first';

/** The outcome of an evaluation; a closed set, as it is a metric label. `undecided`: stopped by a clause, or the reading lacks something. */
export const RESULTS = ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'] as const;
export type Result = (typeof RESULTS)[number];

/** What an evaluation leads to. */
export interface Evaluated {
  /** The next state; the same object if nothing changed. Undefined if there is none yet. */
  readonly state: RuleState | undefined;
  /** The action to command, if any, and which side of the rule it is. */
  readonly emit: Action | undefined;
  readonly raise: boolean | undefined;
  readonly result: Result;
  readonly error?: string;
  /** Of a run that is over: the end that was stored with it. */
  readonly promised?: PromisedEnd | undefined;
  /** When to evaluate again by timer, server time in ms: earlier is harmless, later delays what is due. */
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

/** The same, evaluated again at that time at the latest. */
export function wakingBy(evaluated: Evaluated, wakeAt: number | undefined): Evaluated {
  return wakeAt === undefined ? evaluated : { ...evaluated, wakeAt: earliest(evaluated.wakeAt, wakeAt) };
}

/** The earlier of two times, either of which may be missing. */
export function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
