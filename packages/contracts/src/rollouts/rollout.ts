import { z } from 'zod';
import { FINAL_STATES } from '../commands/command.js';
import { PRESENCE_STATES } from '../devices/presence.js';
import { deviceOrPrefixSchema } from '../rules/device-scope.js';

/**
 * The life of a rollout, the same command for many devices of a fleet:
 *
 *   running → done | aborted | cancelled
 *
 * It runs from its first command to the end of its last one. `aborted` (too many failed) and `cancelled` (by REST) stop it immediately: no
 * further command is enqueued, and pending ones are cancelled. Commands that have been sent still end as usual, so the outcomes of a rollout
 * can change after its end; its state cannot.
 */
export const ROLLOUT_STATES = ['running', 'done', 'aborted', 'cancelled'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** Why a selected device got no command: too many open commands; policy `now` and the device not online; an unknown device. */
export const SKIP_REASONS = ['queue_full', 'unreachable', 'unknown_device'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** The bounds of a rollout. */
export const ROLLOUT_BOUNDS = {
  /** Maximum number of devices and prefixes in a selector, and of prefixes alone. */
  maxDevices: 1000,
  maxPrefixes: 50,
  /** Fastest rate, devices per second. */
  maxRate: 1000,
  /** Ended commands before the share of failures is evaluated. */
  minEnded: 10,
} as const;

/** Selects devices of the fleet: all given criteria must hold, `{}` selects all. Each device is checked once, at its turn. */
export const selectorSchema = z.strictObject({
  /** Names, and prefixes such as `lamp-*`, as in the scope of a rule. */
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
  /** A CEL condition on the last state; a device for which it is undecided is not selected. */
  when: z.string().min(1).max(2000).optional(),
});
export type Selector = z.infer<typeof selectorSchema>;

/** The pace of a rollout. */
export const paceSchema = z.strictObject({
  /** Devices per second. */
  rate: z.int().min(1).max(ROLLOUT_BOUNDS.maxRate).default(50),
  /** The rollout is aborted when more than this share of its ended commands has failed, percent. */
  abortAbove: z.number().min(0).max(100).optional(),
});
export type Pace = z.infer<typeof paceSchema>;

/** Counts of a rollout's devices so far. */
export interface RolloutCounts {
  readonly enqueued: number;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  /** Ended commands by final state; the rest of `enqueued` is open. */
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

/** Whether too many commands have failed for the rollout to continue. `abortAbove` in percent; without it there is no limit. */
export function isFailing(counts: RolloutCounts, abortAbove: number | undefined): boolean {
  const ended = endedOf(counts);
  if (abortAbove === undefined || ended < ROLLOUT_BOUNDS.minEnded) return false;
  const failed = FAILURES.reduce((sum, state) => sum + counts.outcomes[state], 0);
  return failed * 100 > abortAbove * ended;
}
