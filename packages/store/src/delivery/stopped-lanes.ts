import type { Redis } from 'ioredis';
import { commandKeys, deviceKey, shardOf, WAKE_CHANNEL } from '../keys.js';
import { callFunction } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

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

/** Open commands per shard whose lanes are examined. */
const EXAMINED_PER_SHARD = 1000;

/** The stopped lanes of a fleet that have waiting commands, by device and lane. In each shard, the first 1000 open commands are examined. */
export async function waitingStoppedLanes(
  redis: Redis,
  fleet: string,
): Promise<({ device: string; waiting: number } & StoppedLane)[]> {
  const queues = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.zrangebylex(commandKeys(shard)[3]!, `[${fleet}/`, `(${fleet}0`, 'LIMIT', 0, EXAMINED_PER_SHARD),
  )) as string[][];
  const lanes = new Map<string, { device: string; lane: string; waiting: number }>();
  for (const member of queues.flat()) {
    const [, device, lane] = member.split('/') as [string, string, string];
    const known = lanes.get(`${device}/${lane}`);
    if (known === undefined) lanes.set(`${device}/${lane}`, { device, lane, waiting: 1 });
    else known.waiting += 1;
  }
  const candidates = [...lanes.values()];
  const stops = (await pipelined(redis, candidates, (pipeline, { device, lane }) =>
    pipeline.hget(deviceKey(shardOf(fleet, device), fleet, device), `stopped:${lane}`),
  )) as (string | null)[];
  return candidates
    .flatMap((candidate, i) => (stops[i] ? [{ ...candidate, stoppedBy: stops[i] }] : []))
    .sort((a, b) => (`${a.device}/${a.lane}` < `${b.device}/${b.lane}` ? -1 : 1));
}
