import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { BOUNDS } from './bounds.js';

/**
 * Birth and will on `<id>/presence/<device>`, both retained. `session` is a number that is another one for each connection of the device
 * (milliseconds since 1970 will do), so that the will of an old session cannot end a newer one. The latest birth begins the present
 * session, whatever its number; a device whose number is always the same is online again with its next birth or reading if the will of
 * an earlier connection arrives late.
 * `telemetry` says whether the device keeps readings while offline (`keep`) or only the latest counts.
 * `sleeps` is for a device that connects only to report: it does so at least that often, milliseconds, and its will or
 * goodbye in between means nothing. `reports` is for a device that stays connected and seldom reports: it does so at least that
 * often, milliseconds, and is stale after one and a half times that instead of 30 s.
 * `forgetAfter` is for a device that may leave for good: one that has been away for longer, milliseconds, is removed with all that
 * is stored of it. Without it a device is kept until someone deletes it.
 * `goodbye` is what such a device says itself when it disconnects in good order: it may not return, and nobody has to look for it.
 */
export const birthSchema = z.object({
  online: z.literal(true),
  session: z.int().min(1),
  at: z.int().min(0).optional(),
  telemetry: z.enum(['latest', 'keep']).optional(),
  sleeps: z.int().min(BOUNDS.minSleepMs).max(BOUNDS.maxSleepMs).optional(),
  forgetAfter: z.int().min(BOUNDS.minForgetMs).max(BOUNDS.maxForgetMs).optional(),
  reports: z.int().min(BOUNDS.minSleepMs).max(BOUNDS.maxSleepMs).optional(),
});
export const willSchema = z.object({
  online: z.literal(false),
  session: z.int().min(1),
  goodbye: z.literal(true).optional(),
});
const presenceSchema = z.discriminatedUnion('online', [birthSchema, willSchema]);

export type Birth = z.infer<typeof birthSchema>;
export type Will = z.infer<typeof willSchema>;

/** Reads a birth or a will; undefined if it is neither. Never throws. */
export function parsePresence(payload: Buffer): Birth | Will | undefined {
  if (payload.length > 1024 || !isUtf8(payload)) return undefined;
  try {
    return presenceSchema.safeParse(JSON.parse(payload.toString())).data;
  } catch {
    return undefined;
  }
}

/**
 * How a device stands: `online` (fresh telemetry or a birth within the freshness period), `stale` (silent for longer),
 * `offline` (its will or a goodbye came, and it does not sleep), `never_seen` (a command waits for it, but it never spoke).
 */
export const PRESENCE_STATES = ['online', 'stale', 'offline', 'never_seen'] as const;
export type PresenceState = (typeof PRESENCE_STATES)[number];
