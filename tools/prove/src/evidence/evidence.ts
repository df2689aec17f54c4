import type { CommandState, Policy, Transition } from '@lamplighter/contracts/commands/command';
import type { DeviceEvent } from './journal.js';

/** A command that was asked for over REST; one line per request, however often it had to be repeated. */
export interface Asked {
  readonly t: number;
  readonly fleet: string;
  readonly device: string;
  readonly lane: string;
  readonly policy: Policy;
  /** `accepted` (2xx), `refused` (4xx), or nobody ever answered. */
  readonly outcome: 'accepted' | 'refused' | 'unanswered';
  /** The status of a refusal. */
  readonly status?: number;
  /** Of an accepted one. */
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
  /** Final states that the API showed earlier and that are not `state`; there must be none. */
  readonly before?: readonly CommandState[];
}

/** The ledger of a fleet, as the API answers it; what the oracle looks at. */
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

/** One device's readings as the API showed them over time: their `_seq`, each as often as one answer had it. */
export type StoredReadings = ReadonlyMap<string, readonly number[]>;

/** Everything that is known of one fleet: its devices' word, and the API's. */
export interface FleetEvidence {
  readonly fleet: string;
  readonly journal: readonly DeviceEvent[];
  readonly stored: StoredReadings;
  /** Devices whose readings were not looked at often enough: what is missing of them may have been stored. */
  readonly gaps?: ReadonlySet<string>;
  readonly commands: readonly ShownCommand[];
  readonly ledger: Ledger | undefined;
}

/** A fault that was injected. */
export interface InjectedFault {
  readonly t: number;
  readonly kind: string;
  readonly target: string;
  /** How long it lasted, milliseconds. */
  readonly ms: number;
}

/** What an oracle is given. */
export interface Evidence {
  readonly fleets: readonly FleetEvidence[];
  readonly asked: readonly Asked[];
  readonly faults: readonly InjectedFault[];
  readonly about: About;
}

/** What is known of the run itself. */
export interface About {
  readonly seed: number;
  readonly seconds: number;
  readonly fleets: readonly { readonly name: string; readonly devices: number }[];
  /** What did not settle in the quiet time, in words. */
  readonly unsettled: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}
