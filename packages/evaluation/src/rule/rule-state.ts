import type { Action, OnFailure, Policy } from '@lamplighter/contracts/commands/command';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import type { CompiledRule } from './compile-rule.js';

/**
 * What a rule remembers of one device, or of one group. It lives in Redis with the device, so a restart neither forgets nor fires.
 * Small JSON: what a rule does not need is not there. Times are milliseconds on the server's clock.
 *
 * - Each verdict replaces it by compare-and-set; it is deleted with the rule or the device.
 * - A state of another `since` does not count for the present rule, but a run that it has started is still ended: what ends it
 *   (`ends`) is stored here, so that it does not depend on the rule's document.
 */
export interface RuleState {
  /** `since` of the rule that wrote it. */
  readonly since: number;
  /** The verdict that is believed. */
  readonly raised: boolean;
  /** When that began. */
  readonly at: number;
  /** Nothing has been commanded yet: the first verdict is still waiting (hold, quiet hours), or there was no silence yet. */
  readonly first?: true;
  /** When a command was last emitted, except those of mode `every`. */
  readonly emittedAt?: number;
  /** Start of the run of the device that was last commanded, or found to agree (`startedAt` of the device). */
  readonly told?: number | undefined;
  /** How often the present action was re-asserted because the device reports otherwise; the spacing doubles with it. */
  readonly repeats?: number;
  /** Since when the other verdict is asked for, without being believed. */
  readonly held?: number;
  /** The value that was last judged, for the deadband. */
  readonly band?: number;
  /** Last raise, kept while lowered, for the cooldown. */
  readonly raisedAt?: number;
  /** The run ends then. */
  readonly runUntil?: number;
  /** How a run is ended, whatever becomes of the rule; missing in states of earlier releases and of devices that decide by themselves. */
  readonly ends?: PromisedEnd;
  /** Changes so far, as the time to which they have used up what is allowed (GCRA). */
  readonly loop?: number;
  /** Too many changes: nothing is judged until then. */
  readonly cut?: number;
}

/** The command that ends what a version of a rule has started. */
export interface PromisedEnd {
  /** The version of the rule that started it. */
  readonly version: number;
  readonly action: Action;
  readonly lane: string;
  readonly policy: Policy;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly onFailure?: OnFailure | undefined;
  /** The longest run. One that would last longer was started before the server's clock was set back, and is over. */
  readonly maxMs?: number;
  /** Of a quorum: the devices that were commanded. */
  readonly targets?: DeviceScope;
}

/** The state as far as it counts for a rule: undefined if the rule begins from scratch. */
export function stateFor(rule: CompiledRule, state: RuleState | undefined): RuleState | undefined {
  return state === undefined || state.since === rule.since ? state : undefined;
}

/** When a run ends that another version of the rule has started; undefined if there is none. Until then the rule does not judge. */
export function earlierRun(rule: CompiledRule, state: RuleState | undefined): number | undefined {
  return state === undefined || state.since === rule.since ? undefined : state.runUntil;
}

/** Tolerated difference between the clocks of two replicas, milliseconds. */
const SKEW_MS = 1000;

/**
 * How much of a duration is left, milliseconds; 0 if it is over. Also 0 if it began in the future: then the server's clock has been
 * set back, and waiting for it would keep the rule from working for as long as that.
 */
export function left(from: number, durationMs: number, now: number): number {
  const ms = from + durationMs - now;
  return ms <= 0 || ms > durationMs + SKEW_MS ? 0 : ms;
}
