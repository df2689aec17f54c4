import type { z } from 'zod';

/**
 * A setting of a device: accepted by the API, kept in the store and sent in a command. To add one: define it in a file of
 * this folder, list it in `device-settings.ts`, let devices apply it (the simulator in `lamp.ts`), and describe it in docs/devices.md.
 * `null` clears a setting.
 *
 * @typeParam Written the value as clients of the API write it
 * @typeParam Sent the value as it is stored and sent to devices
 */
export interface DeviceSetting<Written = unknown, Sent = unknown> {
  /** Its key in the API. */
  readonly name: string;
  /** The only key of the action that sends it. */
  readonly actionKey: string;
  /** The lane of the command that sends it. */
  readonly lane: string;
  /** Its field in the HASH of the device. */
  readonly field: string;
  readonly schema: z.ZodType<Written>;
  readonly sentSchema: z.ZodType<Sent>;
  /** For the API document. */
  readonly examples: readonly Written[];
  toSent(written: Written): Sent;
  /** Only for a setting that decides how often a device reports: the longest time between readings, milliseconds. */
  longestIntervalMs?(sent: Sent): number;
}
