import type { DeliveryOptions } from './command-header.js';
import type { Superseded } from './superseded.js';

/** A command that a rule emitted; `ttl` in milliseconds, `json` holds source, rule and action. */
export interface EmittedCommand extends DeliveryOptions {
  readonly id: string;
  readonly lane: string;
  readonly ttl: number;
  readonly json: string;
  readonly cause: string;
  /** When the device restarted, for a command that repeats an earlier one because of that; `needless` if it was repeated already. */
  readonly restartedAt?: number | undefined;
}

/** The outcome of an emitted command. `dispatched`: this replica holds the lease and must publish it now. */
export interface EnqueueOutcome extends Superseded {
  readonly id: string;
  readonly state: 'dispatched' | 'pending' | 'full' | 'needless';
  readonly seq: number;
  readonly expiresAt: number;
}
