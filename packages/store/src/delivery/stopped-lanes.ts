import type { Redis } from 'ioredis';
import { commandKeys, deviceKey, shardOf, WAKE_CHANNEL } from '../keys.js';
import { callFunction } from '../redis/functions.js';

/**
 * Resumes a lane that a failure has stopped.
 * @returns the id of the command that stopped it; undefined if the lane is not stopped
 */
export async function resumeLane(
  redis: Redis,
  fleet: string,
  device: string,
  lane: string,
): Promise<string | undefined> {
  const shard = shardOf(fleet, device);
  const stoppedBy = (await callFunction(
    redis,
    'resumeLane-7',
    [deviceKey(shard, fleet, device), ...commandKeys(shard)],
    [`${fleet}/${device}`, lane, WAKE_CHANNEL, shard],
  )) as string | null;
  return stoppedBy ?? undefined;
}

/** A stopped lane, and the command whose failure stopped it. */
export interface StoppedLane {
  readonly lane: string;
  readonly stoppedBy: string;
}

/** The stopped lanes of a device, by name. */
export async function stoppedLanes(redis: Redis, fleet: string, device: string): Promise<StoppedLane[]> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  const lanes = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(key, cursor, 'MATCH', 'stopped:*', 'COUNT', 1000);
    for (let i = 0; i < fields.length; i += 2) lanes.set(fields[i]!.slice('stopped:'.length), fields[i + 1]!);
    cursor = next;
  } while (cursor !== '0');
  return [...lanes]
    .map(([lane, stoppedBy]) => ({ lane, stoppedBy }))
    .sort((a, b) => (a.lane < b.lane ? -1 : 1));
}
