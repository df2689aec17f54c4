import type { CompiledRule } from './compile-rule.js';

/**
 * What a rule remembers of one device, or of one group. It lives in Redis with the device, so a restart neither forgets nor fires.
 * Small JSON: what a rule does not need is not there. Times are milliseconds on the server's clock.
 *
 * - Whoever judges replaces it by compare-and-set; nobody deletes it but with the rule or the device.
 * - Written for a rule whose verdicts have since been given another meaning (`since`), it counts no more, save that a run that it
 *   has begun is still ended.
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
  /** Changes so far, as the time to which they have used up what is allowed (GCRA). */
  readonly loop?: number;
  /** Too many changes: nothing is judged until then. */
  readonly cut?: number;
}

/** The state as far as it counts for a rule: undefined if the rule begins anew. */
export function stateFor(rule: CompiledRule, state: RuleState | undefined): RuleState | undefined {
  if (state === undefined || state.since === rule.since) return state;
  if (state.runUntil === undefined || rule.whenFalse === undefined) return undefined;
  // The rule was changed while its pump runs. The run ends when it was to end, with the action that is now right for it.
  const { raised, at, emittedAt, runUntil } = state;
  return { since: rule.since, raised, at, emittedAt, runUntil };
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
