import type { EmittedCommand, EnqueueOutcome } from '../commands/emitted-command.js';
import type { DeviceAddress } from '../devices/device-address.js';
import type { Session } from '../devices/session.js';
import type { Timer } from '../rules/timers.js';
import type { Vote } from '../rules/vote.js';
import type { Mark, NewReading, RestartReason } from './reading-order.js';

/** What one batch says of one device: readings newer than its last state, late ones, and what the rules made of them. */
export interface DevicePart {
  readonly address: DeviceAddress;
  /** Grows per replica, so that a part whose reply was lost is recognised when it is repeated. */
  readonly part: number;
  /** The part that the store is believed to have accepted last; given only if the device has not begun to count anew since. */
  readonly after?: number | undefined;
  readonly version: string;
  /** New rule states as JSON; empty when unchanged. */
  readonly rules: string;
  /** Readings newer than the last state. */
  readonly live: readonly NewReading[];
  /** Readings that are not, and those of retained messages. */
  readonly late: readonly NewReading[];
  /** All of them in the order of arrival, a digit each, see `kindOf`; by default the live ones came first. */
  readonly kinds?: string | undefined;
  readonly commands: readonly EmittedCommand[];
  readonly votes?: readonly Vote[];
  readonly timer?: Timer | undefined;
}

/** What the store holds of a device, sent back with a part that was judged on other grounds. */
export interface StoredDeviceState {
  readonly version: string;
  readonly mark: Mark;
  readonly rules: string;
  /** What the device last said in a birth; undefined if it never published one. */
  readonly session: Session | undefined;
  /** As what the readings of the part are to be judged, a digit each. */
  readonly kinds: string;
}

/** What became of one part. */
export interface PartOutcome {
  readonly kind: 'accepted' | 'repeated' | 'conflict' | 'full';
  readonly stored?: StoredDeviceState;
  /** What became of late readings, and how many were of retained messages. */
  readonly late?: { stored: number; duplicate: number; stale: number; retained: number };
  /** A live reading has a lower number than the last state: why it is newer all the same. */
  readonly restarted?: RestartReason;
  /**
   * The device was thought away, or asleep for too long: what waits for it should go out. `stale`: it had fallen silent in the
   * midst of a session, which nobody has told of yet.
   */
  readonly returnedFrom?: 'stale' | 'away';
  /** Votes that were not kept, because their group has as many as it may. */
  readonly rejectedVotes?: number;
  readonly commands: readonly EnqueueOutcome[];
}
