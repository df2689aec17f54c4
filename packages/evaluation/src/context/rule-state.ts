import type { Action, OnFailure, Policy } from '@lamplighter/contracts/commands/command';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';

/**
 * What a rule remembers of one device, or of one group. Stored in Redis with the device, so that a restart neither loses nor repeats
 * anything. Small JSON without default values. Times are milliseconds on the server's clock.
 *
 * - Each evaluation replaces it by compare-and-set; it is deleted with the rule or the device.
 * - A state of another `since` is ignored by the current rule, but a run that it started still ends: `ends` is stored here so that the
 *   end does not depend on the rule document.
 */
export interface RuleState {
  /** `since` of the rule that wrote it. */
  readonly since: number;
  /** The verdict in force. */
  readonly raised: boolean;
  /** When the verdict began. */
  readonly at: number;
  /** No command has been sent yet: the first verdict is delayed (hold, quiet hours), or there was no silence yet. */
  readonly first?: true;
  /** When a command was last emitted, except those of mode `every`. */
  readonly emittedAt?: number;
  /** `startedAt` of the device when it was last sent a command, or last reported the commanded value. Stored under this name. */
  readonly told?: number | undefined;
  /** How often the current action was re-asserted because the device reports a different value; each time doubles the spacing. */
  readonly repeats?: number;
  /** When the other verdict was first requested, if it has not taken effect yet. */
  readonly held?: number;
  /** The value that was last evaluated, for the deadband. */
  readonly band?: number;
  /** Last raise, kept while lowered, for the cooldown. */
  readonly raisedAt?: number;
  /** When the run ends. */
  readonly runUntil?: number;
  /** The command that ends the run; missing in states of earlier releases and in edge states. */
  readonly ends?: PromisedEnd;
  /** Rate limit of verdict changes (GCRA): the time up to which the allowance is used. */
  readonly loop?: number;
  /** Too many changes: the rule is not evaluated until then. */
  readonly cut?: number;
}

/** The command that ends a run. */
export interface PromisedEnd {
  /** The version of the rule that started the run. */
  readonly version: number;
  readonly action: Action;
  readonly lane: string;
  readonly policy: Policy;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly onFailure?: OnFailure | undefined;
  /** The longest run. A run that appears to last longer was started before the server's clock was set back, and is over. */
  readonly maxMs?: number;
  /** Of a quorum: the commanded devices. */
  readonly targets?: DeviceScope;
}

/** The state if it is valid for a rule; otherwise undefined, and the rule starts from scratch. */
export function stateFor(
  { since }: { readonly since: number },
  state: RuleState | undefined,
): RuleState | undefined {
  return state === undefined || state.since === since ? state : undefined;
}

/** Tolerated difference between the clocks of two replicas, milliseconds. */
const SKEW_MS = 1000;

/**
 * The remaining part of a duration, milliseconds; 0 if it is over. Also 0 if it began in the future: the server's clock was set back,
 * and waiting would stop the rule for that long.
 */
export function remainingMs(from: number, durationMs: number, now: number): number {
  const ms = from + durationMs - now;
  return ms <= 0 || ms > durationMs + SKEW_MS ? 0 : ms;
}
