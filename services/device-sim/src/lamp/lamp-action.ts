import type { Action } from '@lamplighter/contracts/commands/command';
import { DEVICE_SETTINGS, type SentSettings } from '@lamplighter/contracts/settings/device-settings';
import { CommandRejected } from '@lamplighter/device/commands/execute-command';
import { z } from 'zod';

/** The measurements that a lamp reports. */
const MEASUREMENTS = ['light', 'led_on'] as const;

type SettingSchemas = { [K in keyof SentSettings]: z.ZodOptional<z.ZodNullable<z.ZodType<SentSettings[K]>>> };

const settingSchemas = Object.fromEntries(
  DEVICE_SETTINGS.map(({ actionKey, sentSchema }) => [actionKey, sentSchema.nullable().optional()]),
) as unknown as SettingSchemas;

/**
 * The actions of a simulated lamp, in any combination; it carries them out in this order. It ignores unknown keys, as the device of the
 * lesson does.
 */
const lampAction = z.object({
  /** Duration of the work, milliseconds. */
  work_ms: z.int().min(0).max(60_000).optional(),
  /** Fails on purpose, for this reason. */
  fail: z.string().optional(),
  led_on: z.boolean().optional(),
  ...settingSchemas,
  /** Returns these measurements as its result. */
  report: z.array(z.enum(MEASUREMENTS)).optional(),
  /** Restarts the device, which then acknowledges the command. */
  reboot: z.boolean().optional(),
});

export type LampAction = z.infer<typeof lampAction>;

/** @throws CommandRejected if the action is invalid */
export function parseLampAction(action: Action): LampAction {
  const parsed = lampAction.safeParse(action);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CommandRejected(`${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (Object.keys(parsed.data).length === 0) {
    throw new CommandRejected(`a lamp accepts ${Object.keys(lampAction.shape).join(', ')}`);
  }
  return parsed.data;
}
