import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Redis } from 'ioredis';
import { redisNow } from '../redis/connect.js';
import { namesAfter, readDevices } from './devices.js';

/** What a view of a whole fleet needs of each device. */
export interface LastState {
  readonly device: string;
  readonly presence: PresenceState;
  /** Age of the last state on the clock of Redis, milliseconds; absent like the measurements if it has never reported. */
  readonly ageMs?: number;
  readonly measurements?: Record<string, Measurement>;
  readonly pendingCommands: number;
}

/** Devices per round trip: few enough that other clients of Redis wait only a few milliseconds. */
const CHUNK = 250;

/**
 * Reads the last states of up to `limit` devices of a fleet by name, and the time of the first read on the clock of Redis.
 * @param after only names after this one (the cursor); `next` is the last name if more may follow
 */
export async function readLastStates(
  redis: Redis,
  fleet: string,
  { limit, after = '' }: { limit: number; after?: string },
): Promise<{ at: number; devices: LastState[]; next?: string }> {
  const [at, names] = await Promise.all([redisNow(redis), namesAfter(redis, fleet, after, limit)]);
  const devices: LastState[] = [];
  for (let from = 0; from < names.length; from += CHUNK) {
    const chunk = await readDevices(redis, fleet, names.slice(from, from + CHUNK));
    // Ages are those at `at`, although the later devices are read later.
    for (const { device, presence, last, pendingCommands } of chunk)
      devices.push({
        device,
        presence,
        ...(last && { ageMs: Math.max(0, at - last.receivedAt), measurements: last.measurements }),
        pendingCommands,
      });
  }
  const next = names.length === limit ? names.at(-1) : undefined;
  return { at, devices, ...(next !== undefined && { next }) };
}
