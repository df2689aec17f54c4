import { z } from 'zod';
import { PRESENCE_STATES } from './presence.js';

/**
 * The last state of a device on `<id>/state/<device>`, retained, for subscribers that come later. Published for fleets that switched it on
 * (`publishState`), at most once per device and second, always the newest stored reading; never a command. An empty message means
 * that there is no state any more: it was switched off, or the device was deleted.
 */
export const deviceStateSchema = z.object({
  /** As the device sent them; names that begin with `_` are left out. */
  measurements: z.record(z.string(), z.unknown()),
  /** The reading's own time and number, if it has them: `_at` (ms since 1970) and `_seq`. */
  at: z.int().optional(),
  seq: z.int().optional(),
  /** When the reading was stored, ms since 1970. */
  receivedAt: z.int(),
  /** When this was published. */
  presence: z.enum(PRESENCE_STATES),
  /** Of a device that is online: without a newer message it is stale from then on, ms since 1970. */
  freshUntil: z.int().optional(),
});
export type DeviceState = z.infer<typeof deviceStateSchema>;
