import type { EmittedCommand, EnqueueOutcome } from '../commands/emitted-command.js';
import type { DeviceAddress } from '../devices/device-address.js';
import type { Session } from '../devices/session.js';
import type { Timer } from '../rules/timers.js';
import type { Vote } from '../rules/vote.js';
import type { Mark, NewReading, RestartReason } from './reading-order.js';

/** One device's share of a batch: its readings, and the rule states and commands that follow from them. */
export interface DevicePart {
  readonly address: DeviceAddress;
  /** Grows per replica, so that a repeated part (its reply was lost) is recognised. */
  readonly part: number;
  /** The part that the store accepted last, according to the device cache; only if the device's count has not restarted since. */
  readonly after?: number | undefined;
  readonly version: string;
  /** New rule states as JSON; empty when unchanged. */
  readonly rules: string;
  /** Readings newer than the last state. */
  readonly live: readonly NewReading[];
  /** Other readings, and those of retained messages. */
  readonly late: readonly NewReading[];
  /** One digit per reading in the order of arrival, see `kindOf`; by default the live ones came first. */
  readonly kinds?: string | undefined;
  readonly commands: readonly EmittedCommand[];
  readonly votes?: readonly Vote[];
  readonly timer?: Timer | undefined;
}

/** What the store holds about a device: returned on a conflict, because the part was evaluated on other data. */
export interface StoredDeviceState {
  readonly version: string;
  readonly mark: Mark;
  readonly rules: string;
  /** From the device's latest birth; undefined if it never published one. */
  readonly session: Session | undefined;
  /** How the readings of the part must be evaluated, one digit each. */
  readonly kinds: string;
}

/** The outcome of a part. */
export interface PartOutcome {
  readonly kind: 'accepted' | 'repeated' | 'conflict' | 'full';
  readonly stored?: StoredDeviceState;
  /** Outcomes of the late readings, and the number of retained ones. */
  readonly late?: { stored: number; duplicate: number; tooOld: number; retained: number };
  /** Why a live reading is newer than the last state although its number is lower. */
  readonly restarted?: RestartReason;
  /**
   * The device was presumed unreachable, so its pending commands must be woken. `stale`: it had been silent during an open session, which
   * has not been reported yet.
   */
  readonly returnedFrom?: 'stale' | 'away';
  /** Votes that were not stored, because their group has reached its limit. */
  readonly rejectedVotes?: number;
  readonly commands: readonly EnqueueOutcome[];
}
