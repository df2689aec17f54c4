import { defaultLane } from '@lamplighter/contracts/commands/command';
import type { DeviceFacts } from '../context/evaluation-context.js';
import { type PromisedEnd, type RuleState, remainingMs } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { Evidence } from './evidence.js';
import { recordDevice } from './recorded-device.js';

/**
 * Runs outlive the rule document. A run ends at its promised time, as stored with the rule state, whether the rule was changed, disabled
 * or deleted, its scope narrowed, or the rules of its fleet switched off. Everything else that a rule has started is forgotten, or, on
 * request (`release`), ended by `else`. docs/rules.md has the table.
 */

/** The command that ends what a rule starts; undefined without `else`. It waits for its device even with policy `now`. */
export function promisedEnd(rule: CompiledRule): PromisedEnd | undefined {
  const { version, whenFalse, lane, policy, ttlMs, timeoutMs, attempts, onFailure, run, quorum } = rule;
  if (whenFalse === undefined) return undefined;
  return {
    version,
    action: whenFalse,
    lane: lane ?? defaultLane(whenFalse),
    policy: policy === 'now' ? 'latest' : policy,
    ttlMs,
    timeoutMs,
    attempts,
    ...(onFailure !== undefined && { onFailure }),
    ...(run !== undefined && { maxMs: run.maxMs }),
    ...(quorum !== undefined && { targets: rule.target ?? rule.scope }),
  };
}

/** The state with the end of its run, for storage. */
export function withPromisedEnd(rule: CompiledRule, state: RuleState): RuleState {
  if (state.runUntil === undefined || state.ends !== undefined) return state;
  const ends = promisedEnd(rule);
  return ends === undefined ? state : { ...state, ends };
}

/** What must still be ended of a rule, or of a version of it, that is no longer in force. */
export type PendingEnd =
  | { readonly kind: 'end'; readonly end: PromisedEnd; readonly by: 'promise' | 'release' }
  | { readonly kind: 'wait'; readonly until: number };

/**
 * What must still be ended according to a state that no rule in force continues.
 * @param released the command that ends it immediately, if a release was requested
 * @returns undefined if there is nothing to end
 */
export function pendingEndOf(
  state: RuleState,
  now: number,
  released: PromisedEnd | undefined,
): PendingEnd | undefined {
  const { runUntil, ends, raised, first } = state;
  if (runUntil !== undefined && ends !== undefined) {
    if (isOver(runUntil, ends, now)) return { kind: 'end', end: ends, by: 'promise' };
    return released === undefined
      ? { kind: 'wait', until: runUntil }
      : { kind: 'end', end: ends, by: 'release' };
  }
  if (released === undefined || !raised || first === true) return undefined;
  return { kind: 'end', end: released, by: 'release' };
}

function isOver(until: number, { maxMs }: PromisedEnd, now: number): boolean {
  return maxMs === undefined ? until <= now : remainingMs(until - maxMs, maxMs, now) === 0;
}

/** Why a rule, or the version of it that started something, is no longer in force. */
export type RuleEndReason = 'changed' | 'disabled' | 'deleted' | 'out_of_scope' | 'rules_off';

/** The evidence of a command that ends what a rule started; `version` is the version that started it. */
export interface EndEvidence extends Evidence {
  readonly kind: 'end';
  readonly by: 'promise' | 'release';
  readonly end: PromisedEnd;
  /** Stored under this name. */
  readonly departure: RuleEndReason;
}

/** Records why a run or verdict is ended. */
export function endEvidenceOf(
  { end, by }: Extract<PendingEnd, { kind: 'end' }>,
  reason: RuleEndReason,
  state: RuleState | undefined,
  { address, acknowledges, lesson }: DeviceFacts,
  now: number,
): EndEvidence {
  return {
    kind: 'end',
    by,
    end,
    departure: reason,
    version: end.version,
    now,
    trigger: 'timer',
    ...(state !== undefined && { state }),
    reading: {},
    ageMs: 0,
    heardAt: 0,
    device: recordDevice({ address, acknowledges, lesson }),
  };
}

export function isEndEvidence(evidence: Evidence): evidence is EndEvidence {
  return 'kind' in evidence && evidence.kind === 'end';
}

/** Repeats the evaluation from its evidence; no rule document is needed. */
export function replayEnd({ state, end, by, now }: EndEvidence): {
  evaluated: { emit?: PromisedEnd['action'] };
  trace: Trace;
} {
  const trace: Trace = [];
  const until = state?.runUntil;
  if (until !== undefined) trace.push({ clause: 'run', passes: until <= now, amount: until - now, until });
  const isDue =
    by === 'release' || state === undefined || pendingEndOf(state, now, undefined)?.kind === 'end';
  const emit = isDue ? end.action : undefined;
  const reason = by === 'release' ? 'released' : 'run_over';
  trace.push({ clause: 'emit', passes: emit !== undefined, value: false, action: emit, reason });
  return { evaluated: emit === undefined ? {} : { emit }, trace };
}
