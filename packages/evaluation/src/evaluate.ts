import type { Action, OnFailure, Policy } from '@lamplighter/contracts/command';
import type { Reading } from '@lamplighter/contracts/reading';
import type { Condition } from './condition.js';

/** A rule ready for the hot path. */
export interface CompiledRule {
  readonly id: string;
  readonly when: Condition;
  readonly whenTrue: Action;
  readonly whenFalse: Action | undefined;
  readonly mode: 'change' | 'every';
  readonly policy: Policy;
  readonly lane: string | undefined;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly onFailure: OnFailure | undefined;
}

/** What a rule remembers of one device. It lives in Redis with the device, so a restart neither forgets nor fires. */
export interface RuleState {
  readonly raised: boolean;
  /** When a command was last emitted, milliseconds on the server's clock. */
  readonly emittedAt: number;
}

/** What is known of the device, as far as a verdict depends on it. */
export interface DeviceFacts {
  /** The device answers commands, so delivery is somebody else's care; otherwise the rule repeats itself now and then. */
  readonly answers: boolean;
  /** The device speaks the lesson's protocol, in which the server answers every message. */
  readonly lesson: boolean;
}

export interface Verdict {
  /** The next state; the same object when nothing changed. Undefined when there is none yet. */
  readonly state: RuleState | undefined;
  /** The action to command, if any. */
  readonly emit: Action | undefined;
}

/** A device that does not answer is told again after this time, on its next reading, milliseconds. */
export const REASSERT_MS = 60_000;

/**
 * Judges one reading. Pure: no clock, no store.
 * @param now server time, milliseconds
 */
export function evaluate(
  rule: CompiledRule,
  state: RuleState | undefined,
  reading: Reading,
  device: DeviceFacts,
  now: number,
): Verdict {
  const raised = rule.when(reading);
  if (raised === undefined) return { state, emit: undefined };
  const emit = raised ? rule.whenTrue : rule.whenFalse;
  if (state === undefined || state.raised !== raised) return { state: { raised, emittedAt: now }, emit };
  if (rule.mode === 'every' || device.lesson) return { state, emit };
  if (!device.answers && now - state.emittedAt >= REASSERT_MS)
    return { state: { raised, emittedAt: now }, emit };
  return { state, emit: undefined };
}
