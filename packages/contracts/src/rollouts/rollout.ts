import { z } from 'zod';
import { FINAL_STATES } from '../commands/command.js';
import { PRESENCE_STATES } from '../devices/presence.js';
import { deviceOrPrefixSchema } from '../rules/device-scope.js';

/**
 * The life of a rollout, the same command for many devices of a fleet:
 *
 *   running → done | aborted | cancelled
 *
 * It runs from its first command to the end of its last one. `aborted` (too many failed) and `cancelled` (by REST) stop it
 * at once: no further command is made, and what still waits is cancelled. What a device has been sent already ends as any
 * command does, so the outcomes of a rollout may still change after its end, though its state does not.
 */
export const ROLLOUT_STATES = ['running', 'done', 'aborted', 'cancelled'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** Why a selected device got no command: it has too many open ones, policy `now` and not online, never heard of. */
export const SKIP_REASONS = ['queue_full', 'unreachable', 'unknown_device'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** The bounds of a rollout. */
export const ROLLOUT_BOUNDS = {
  /** Most devices and prefixes that a selector may name, and most prefixes among them. */
  maxDevices: 1000,
  maxPrefixes: 50,
  /** Fastest rate, devices per second. */
  maxRate: 1000,
  /** Failures are not judged before so many commands have ended. */
  judgedFrom: 10,
} as const;

/** Which devices of the fleet; whatever is given must hold, `{}` is all of them. Each is looked at once, when its turn comes. */
export const selectorSchema = z.strictObject({
  /** Names, and prefixes such as `lamp-*` as the scope of a rule has them. */
  devices: z
    .array(deviceOrPrefixSchema)
    .min(1)
    .max(ROLLOUT_BOUNDS.maxDevices)
    .refine(
      (names) => names.filter((name) => name.endsWith('*')).length <= ROLLOUT_BOUNDS.maxPrefixes,
      `must have at most ${ROLLOUT_BOUNDS.maxPrefixes} prefixes`,
    )
    .optional(),
  presence: z.enum(PRESENCE_STATES).optional(),
  /** A CEL condition on the last state; a device whose last state does not tell is not selected. */
  when: z.string().min(1).max(2000).optional(),
});
export type Selector = z.infer<typeof selectorSchema>;

/** How a rollout goes about its devices. */
export const paceSchema = z.strictObject({
  /** Devices per second. */
  rate: z.int().min(1).max(ROLLOUT_BOUNDS.maxRate).default(50),
  /** It is aborted when more than this share of its ended commands has failed, percent. */
  abortAbove: z.number().min(0).max(100).optional(),
});
export type Pace = z.infer<typeof paceSchema>;

/** What became of a rollout's devices so far. */
export interface RolloutCounts {
  readonly enqueued: number;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  /** Ended commands by final state; what is missing to `enqueued` is open. */
  readonly outcomes: Readonly<Record<(typeof FINAL_STATES)[number], number>>;
}

/** Devices that were selected so far: each got a command or was skipped. */
export function matchedOf({ enqueued, skipped }: RolloutCounts): number {
  return SKIP_REASONS.reduce((sum, reason) => sum + skipped[reason], enqueued);
}

/** How many of a rollout's commands have ended. */
export function endedOf({ outcomes }: RolloutCounts): number {
  return FINAL_STATES.reduce((sum, state) => sum + outcomes[state], 0);
}

/** The same as in a lane: the device did not execute it, or it is unknown whether it did. */
const FAILURES = ['failed', 'rejected', 'expired', 'unknown'] as const;

/** Whether too many commands have failed for the rollout to go on. `abortAbove` in percent; without it none are too many. */
export function isFailing(counts: RolloutCounts, abortAbove: number | undefined): boolean {
  const ended = endedOf(counts);
  if (abortAbove === undefined || ended < ROLLOUT_BOUNDS.judgedFrom) return false;
  const failed = FAILURES.reduce((sum, state) => sum + counts.outcomes[state], 0);
  return failed * 100 > abortAbove * ended;
}
