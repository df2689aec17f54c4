import type { Action } from '@lamplighter/contracts/commands/command';
import { adaptiveIntervalSchema, INTERVAL_BOUNDS } from '@lamplighter/contracts/telemetry/adaptive-interval';
import { CommandRejected } from '@lamplighter/device/commands/execute-command';
import { z } from 'zod';

/** What a lamp measures, and may be asked for. */
const MEASUREMENTS = ['light', 'led_on'] as const;

/**
 * What a simulated lamp can be told, in any combination; it is done in this order. Keys that it does not know are ignored, as the
 * lesson's device does.
 */
const lampAction = z.object({
  /** Takes this long over it, ms. */
  work_ms: z.int().min(0).max(60_000).optional(),
  /** Fails on purpose, for this reason. */
  fail: z.string().optional(),
  led_on: z.boolean().optional(),
  /** Time between two readings from now on, ms, or how it follows the light; kept in the storage. Null is the time that the lamp has by itself. */
  telemetry_interval_ms: z
    .union([
      z.int().min(INTERVAL_BOUNDS.minMs).max(INTERVAL_BOUNDS.maxMs),
      adaptiveIntervalSchema.refine(({ of }) => of === 'light', {
        path: ['of'],
        error: 'a lamp can follow light',
      }),
    ])
    .nullable()
    .optional(),
  /** Answers with these measurements. */
  report: z.array(z.enum(MEASUREMENTS)).optional(),
  /** Restarts the device; answered after that. */
  reboot: z.boolean().optional(),
});

export type LampAction = z.infer<typeof lampAction>;

/** @throws CommandRejected if a lamp cannot do it */
export function parseLampAction(action: Action): LampAction {
  const parsed = lampAction.safeParse(action);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CommandRejected(`${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (Object.keys(parsed.data).length === 0) {
    throw new CommandRejected(`a lamp knows ${Object.keys(lampAction.shape).join(', ')}`);
  }
  return parsed.data;
}
