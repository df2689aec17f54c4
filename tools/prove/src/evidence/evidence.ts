import type { CommandState, Policy, Transition } from '@lamplighter/contracts/commands/command';
import type { DeviceEvent } from './journal.js';

/** A command requested over REST. One entry per request, however often it was repeated. */
export interface CommandRequest {
  readonly t: number;
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  readonly policy: Policy;
  /** `accepted` (2xx), `rejected` (4xx), or no response ever came. */
  readonly outcome: 'accepted' | 'rejected' | 'unanswered';
  /** The status of a rejected request. */
  readonly status?: number;
  /** The id of an accepted command. */
  readonly id?: string;
}

/** A command as the API last showed it. Times are milliseconds since 1970. */
export interface ShownCommand {
  readonly fleet: string;
  readonly device: string;
  readonly id: string;
  readonly lane: string;
  readonly seq: number;
  readonly policy: Policy;
  readonly source: string;
  readonly state: CommandState;
  readonly expiresAt: number;
  readonly transitions: readonly Transition[];
  /** Other final states that the API showed earlier; there must be none. */
  readonly before?: readonly CommandState[];
}

/** The parts of the API's ledger of a fleet that the checks read. */
export interface Ledger {
  readonly readings: {
    readonly stored: number;
    readonly late: number;
    readonly unexplained: number;
    readonly [more: string]: unknown;
  };
  readonly commands: {
    readonly issued: Readonly<Record<string, number>>;
    readonly open: number;
    readonly unexplained: number;
    readonly [state: string]: unknown;
  };
}

/** Device → the `_seq` of its readings as the API showed them over time, each as often as a single response contained it. */
export type StoredReadings = ReadonlyMap<string, readonly number[]>;

/** The evidence of one fleet, from its devices and from the API. */
export interface FleetEvidence {
  readonly fleet: string;
  readonly journal: readonly DeviceEvent[];
  readonly stored: StoredReadings;
  /** Devices whose readings were not looked at often enough: what is missing of them may have been stored. */
  readonly gaps?: ReadonlySet<string>;
  readonly commands: readonly ShownCommand[];
  readonly ledger: Ledger | undefined;
}

/** An injected fault. */
export interface InjectedFault {
  readonly t: number;
  readonly kind: string;
  readonly target: string;
  /** Duration in milliseconds. */
  readonly ms: number;
}

/** The evidence of a run. */
export interface Evidence {
  readonly fleets: readonly FleetEvidence[];
  readonly requests: readonly CommandRequest[];
  readonly faults: readonly InjectedFault[];
  readonly about: About;
}

/** Facts about the run. */
export interface About {
  readonly seed: number;
  readonly seconds: number;
  readonly fleets: readonly { readonly name: string; readonly devices: number }[];
  /** What did not settle in time, in words. */
  readonly unsettled: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}
