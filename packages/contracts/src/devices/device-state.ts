import { z } from 'zod';
import { PRESENCE_STATES } from './presence.js';

/**
 * The last state of a device on `<id>/state/<device>`, retained for late subscribers. It is published for fleets with `publishState`, at most
 * once per device and second, and is always the newest stored reading. An empty message removes the state: publishing was switched off, or
 * the device was deleted.
 */
export const deviceStateSchema = z.object({
  /** As the device sent them, without names that start with `_`. */
  measurements: z.record(z.string(), z.unknown()),
  /** The reading's own time and number, if it has them: `_at` (ms since 1970) and `_seq`. */
  at: z.int().optional(),
  seq: z.int().optional(),
  /** When the reading was stored, ms since 1970. */
  receivedAt: z.int(),
  /** When this was published. */
  presence: z.enum(PRESENCE_STATES),
  /** When an online device becomes stale without a newer message, ms since 1970. */
  freshUntil: z.int().optional(),
});
export type DeviceState = z.infer<typeof deviceStateSchema>;
