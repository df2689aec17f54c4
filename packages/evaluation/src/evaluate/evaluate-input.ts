import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Scope, WindowView } from '../expression/expression.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { RuleState } from '../rule/rule-state.js';
import type { Trace } from './trace.js';

/** What is judged. */
export interface Observation {
  /** A reading came, or a time that an earlier verdict had asked to be woken at. */
  readonly trigger: 'reading' | 'timer';
  /** Of a timer: the last state, `{}` if there is none. Of a group: whatever its expressions may see, usually `{}`. */
  readonly reading: Readonly<Record<string, Measurement | undefined>>;
  /** Age of the reading as the server sees it, milliseconds. */
  readonly ageMs: number;
  /** When the device was last heard, this reading included: server time in ms; 0 if never. */
  readonly heardAt: number;
  /** Since when somebody has listened, server time in ms: silence before it is none, or every absence rule fires after an outage. */
  readonly listeningSince?: number;
  /**
   * The longest time between two readings that the device was told, milliseconds: an absence is not shorter than one and a half times
   * that. Known to timers only; a reading's verdict may ask to be woken too early.
   */
  readonly longestIntervalMs?: number | undefined;
  /** The reading before it. */
  readonly last?: Readonly<Record<string, Measurement | undefined>>;
  readonly window?: WindowView;
  /** Of a quorum: the vote's result, in place of `when`; undefined if the votes do not say. */
  readonly verdict?: boolean;
  /** Of a measuring quorum: the median or mean. */
  readonly value?: number;
}

/** What is known of the device, as far as a verdict depends on it. */
export interface DeviceFacts {
  readonly address: { readonly fleet: string; readonly device: string };
  /** The device answers commands, so delivery is somebody else's care; otherwise the rule repeats itself now and then. */
  readonly answers: boolean;
  /** The device speaks the lesson's protocol, in which the server answers every message. */
  readonly lesson: boolean;
  /** When the present run of the device began, as its births tell, server time in ms; undefined if it does not announce itself. */
  readonly startedAt?: number | undefined;
}

/** All that the clauses look at. */
export interface Inquiry {
  readonly rule: CompiledRule;
  /** The state, if it counts for this version of the rule. */
  readonly before: RuleState | undefined;
  readonly observation: Observation;
  readonly scope: Scope;
  readonly device: DeviceFacts;
  /** Server time, milliseconds. */
  readonly now: number;
  readonly trace: Trace | undefined;
}
