import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Scope } from '../expression/expression.js';
import type { WindowView } from '../window/functions.js';
import type { RuleState } from './rule-state.js';
import type { Trace } from './trace.js';

/** The observation that a rule is evaluated on. */
export interface Observation {
  /** A reading arrived, or the timer of an earlier evaluation fired. */
  readonly trigger: 'reading' | 'timer';
  /** For a timer: the last state, or `{}` if there is none. For a group: `{}`. */
  readonly reading: Readonly<Record<string, Measurement | undefined>>;
  /** Age of the reading on the server's clock, milliseconds. */
  readonly ageMs: number;
  /** When the last message of the device was received, including this reading: server time in ms; 0 if never. Stored in evidence. */
  readonly heardAt: number;
  /** Start of uninterrupted listening, server time in ms. Earlier silence does not count; otherwise every absence rule would fire after an outage. */
  readonly listeningSince?: number;
  /**
   * The longest interval between readings that the device is set to, milliseconds: an absence lasts at least one and a half times that.
   * Only known to timers, so a reading can set a timer that is too early.
   */
  readonly longestIntervalMs?: number | undefined;
  /** The previous reading. */
  readonly last?: Readonly<Record<string, Measurement | undefined>>;
  readonly window?: WindowView;
  /** For a quorum: the result of the vote, which replaces `when`; undefined if the votes do not decide. */
  readonly verdict?: boolean;
  /** For a measuring quorum: the median or mean. */
  readonly value?: number;
}

/** The facts about a device that a verdict depends on; stored in evidence. */
export interface DeviceFacts {
  readonly address: { readonly fleet: string; readonly device: string };
  /** The device acknowledges commands, so the dispatcher ensures delivery; otherwise the rule repeats its command. */
  readonly acknowledges: boolean;
  /** The device uses the lesson protocol, in which the server responds to every message. */
  readonly lesson: boolean;
  /** Start of the device's current boot according to its births, server time in ms; undefined without births. */
  readonly startedAt?: number | undefined;
}

/** The input of every clause. A clause sees only the compiled fields that it names in `R`. */
export interface EvaluationContext<R> {
  readonly rule: R;
  /** The state, if it is valid for this version of the rule. */
  readonly before: RuleState | undefined;
  readonly observation: Observation;
  readonly scope: Scope;
  readonly device: DeviceFacts;
  /** Server time, milliseconds. */
  readonly now: number;
  readonly trace: Trace | undefined;
}
