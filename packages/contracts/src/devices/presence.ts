import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import { IDENTITY } from '../identity.js';
import {
  count,
  describeValue,
  type InputFault,
  integerProblem,
  isObject,
  nameOf,
  payloadFault,
  readJson,
  reasonOf,
  schemaFault,
} from '../telemetry/input-fault.js';

/**
 * Birth and will on `<id>/presence/<device>`, both retained.
 *
 * - `session`: a number that differs for each connection of the device, such as milliseconds since 1970, so that the will of an old session
 *   cannot end a newer one. The latest birth starts the current session, whatever its number. If the number of a device never changes and the
 *   will of an earlier connection arrives late, the device is online again with its next birth or reading.
 * - `telemetry`: whether the device keeps readings while offline (`keep`) or only the latest counts.
 * - `sleeps`: for a device that connects only to report: the longest time between reports, milliseconds. Its wills and goodbyes are ignored.
 * - `reports`: for a device that stays connected and reports rarely: the longest time between reports, milliseconds. It is stale after one and
 *   a half times that, instead of 30 s.
 * - `forgetAfter`: for a device that can leave permanently: once it has been offline for this long, milliseconds, it is removed with all its
 *   data. Without it, a device is kept until it is deleted.
 * - `goodbye`: published on a clean disconnection by a device that may not return; it counts as offline, not as lost.
 * - `boot`: the name of a run of the device's program, or of its actuator. A birth with the same name is a reconnection. With another name, or
 *   without one, the device may have restarted, and rules command their actions again.
 */
export const birthSchema = z.object({
  online: z.literal(true),
  session: z.int().min(1),
  at: z.int().min(0).optional(),
  telemetry: z.enum(['latest', 'keep']).optional(),
  sleeps: z.int().min(BOUNDS.minSleepMs).max(BOUNDS.maxSleepMs).optional(),
  forgetAfter: z.int().min(BOUNDS.minForgetMs).max(BOUNDS.maxForgetMs).optional(),
  boot: z.string().regex(IDENTITY, 'must be 1 to 64 letters, digits, "_", "." or "-"').optional(),
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

/** Largest birth or will, bytes. */
export const MAX_PRESENCE_BYTES = 1024;

/** Parses a birth or a will; undefined if it is neither. Never throws. */
export function parsePresence(payload: Buffer): Birth | Will | undefined {
  const json = readJson(payload, MAX_PRESENCE_BYTES);
  return 'value' in json ? presenceSchema.safeParse(json.value).data : undefined;
}

/** Why `parsePresence` rejected a payload. */
export const presenceReason = (payload: Buffer) => reasonOf(payload, MAX_PRESENCE_BYTES);

/** Explains why `parsePresence` rejected a payload. Duplicate keys are accepted: JSON.parse keeps the last one. */
export function presenceFault(payload: Buffer): InputFault {
  return payloadFault(payload, MAX_PRESENCE_BYTES) ?? shapeFault(JSON.parse(payload.toString()));
}

function shapeFault(value: unknown): InputFault {
  if (!isObject(value))
    return schemaFault([], `a birth or will must be a JSON object, not ${describeValue(value)}`);
  const { online, session, at, telemetry, sleeps } = value;
  const must = (key: string, what: string) =>
    schemaFault([key], `${nameOf([key])} must be ${what}, not ${describeValue(value[key])}`);
  if (online === undefined) return schemaFault([], '`online` is missing: true in a birth, false in a will');
  if (typeof online !== 'boolean') return must('online', 'true (a birth) or false (a will)');
  if (session === undefined)
    return schemaFault(
      [],
      '`session` is missing: an integer that grows with each connection, such as milliseconds since 1970',
    );
  const problem = integerProblem(['session'], session, 1);
  if (problem !== undefined) return schemaFault(['session'], problem);
  const time =
    at === undefined ? undefined : integerProblem(['at'], at, 0, 'an integer, milliseconds since 1970');
  if (time !== undefined) return schemaFault(['at'], time);
  if (telemetry !== undefined && telemetry !== 'latest' && telemetry !== 'keep')
    return must('telemetry', '"latest" or "keep"');
  const { minSleepMs, maxSleepMs } = BOUNDS;
  const period =
    sleeps === undefined
      ? undefined
      : integerProblem(['sleeps'], sleeps, minSleepMs, 'an integer, milliseconds');
  if (period !== undefined) return schemaFault(['sleeps'], period);
  if (typeof sleeps === 'number' && sleeps > maxSleepMs)
    return schemaFault(['sleeps'], `\`sleeps\` is ${count(sleeps)} ms, at most ${count(maxSleepMs)}`);
  return schemaFault([], 'it is neither a birth nor a will');
}

/**
 * `online`: telemetry or a birth within the freshness period. `stale`: silent for longer. `offline`: a will or goodbye was received, and the
 * device does not sleep. `never_seen`: the device has a pending command, but has never sent a message.
 */
export const PRESENCE_STATES = ['online', 'stale', 'offline', 'never_seen'] as const;
export type PresenceState = (typeof PRESENCE_STATES)[number];
