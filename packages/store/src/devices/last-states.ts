import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { Redis } from 'ioredis';
import { commandKeys, presenceKey, shardOf, windowKey } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { namesAfter, parseEntry, presenceOf } from './devices.js';

/** What a view of a whole fleet needs from each device. */
export interface LastState {
  readonly device: string;
  readonly presence: PresenceState;
  /** Age of the last state on the Redis clock, milliseconds; absent like the measurements if it has never reported. */
  readonly ageMs?: number;
  readonly measurements?: Record<string, Measurement>;
  readonly pendingCommands: number;
}

/** A device with what its shard knows about it. */
interface Listed {
  readonly device: string;
  readonly shard: number;
  readonly presenceScore: number;
  /** Whether any device of the fleet has open commands in the shard. */
  readonly mayHaveCommands: boolean;
}

/** Devices per round trip: few enough that other clients of Redis and the api wait only a few milliseconds. */
const CHUNK = 250;

/**
 * Reads the last states of up to `limit` devices of a fleet by name, and the time of the first read on the Redis clock.
 * @param after only names after this one (the cursor); `next` is the last name if more may follow
 */
export async function readLastStates(
  redis: Redis,
  fleet: string,
  { limit, after = '' }: { limit: number; after?: string },
): Promise<{ at: number; devices: LastState[]; next?: string }> {
  const [at, names] = await Promise.all([redisNow(redis), namesAfter(redis, fleet, after, limit)]);
  const listed = await readShards(redis, fleet, names);
  const devices: LastState[] = [];
  for (let from = 0; from < listed.length; from += CHUNK)
    devices.push(...(await readChunk(redis, fleet, listed.slice(from, from + CHUNK), at)));
  const next = names.length === limit ? names.at(-1) : undefined;
  return { at, devices, ...(next !== undefined && { next }) };
}

/** Reads the presence of all devices, and which shards have open commands, with two calls per shard instead of two per device. */
async function readShards(redis: Redis, fleet: string, names: readonly string[]): Promise<Listed[]> {
  const addressed = names.map((device) => ({ device, shard: shardOf(fleet, device) }));
  const byShard = ALL_SHARDS.map(
    (shard) => [shard, addressed.filter((each) => each.shard === shard)] as const,
  ).filter(([, devices]) => devices.length > 0);
  const [scores, counts] = await Promise.all([
    pipelined(redis, byShard, (pipeline, [shard, devices]) =>
      pipeline.zmscore(presenceKey(shard, fleet), ...devices.map(({ device }) => device)),
    ) as Promise<(string | null)[][]>,
    pipelined(redis, byShard, (pipeline, [shard]) =>
      pipeline.zlexcount(commandKeys(shard)[3]!, `[${fleet}/`, `(${fleet}0`),
    ) as Promise<number[]>,
  ]);
  const scoreOf = new Map(
    byShard.flatMap(([, devices], i) =>
      devices.map(({ device }, j) => [device, Number(scores[i]![j] ?? -1)] as const),
    ),
  );
  const busy = new Set(byShard.filter((_, i) => counts[i]! > 0).map(([shard]) => shard));
  return addressed.map(({ device, shard }) => ({
    device,
    shard,
    presenceScore: scoreOf.get(device)!,
    mayHaveCommands: busy.has(shard),
  }));
}

async function readChunk(
  redis: Redis,
  fleet: string,
  chunk: readonly Listed[],
  at: number,
): Promise<LastState[]> {
  const busy = chunk.filter(({ mayHaveCommands }) => mayHaveCommands);
  const [newest, pending] = await Promise.all([
    // The last entry of the window is the last state: late readings are never inserted after it.
    pipelined(redis, chunk, (pipeline, { shard, device }) =>
      pipeline.lindex(windowKey(shard, fleet, device), -1),
    ) as Promise<(string | null)[]>,
    pipelined(redis, busy, (pipeline, { shard, device }) =>
      pipeline.zlexcount(commandKeys(shard)[3]!, `[${fleet}/${device}/`, `(${fleet}/${device}0`),
    ) as Promise<number[]>,
  ]);
  const pendingOf = new Map(busy.map(({ device }, i) => [device, pending[i]!]));
  return chunk.map(({ device, presenceScore }, i) => {
    const entry = newest[i] ? parseEntry(newest[i]) : undefined;
    const last = entry?.late ? undefined : entry; // only late readings so far
    return {
      device,
      presence: presenceOf(presenceScore, at),
      ...(last && { ageMs: Math.max(0, at - last.receivedAt), measurements: last.measurements }),
      pendingCommands: pendingOf.get(device) ?? 0,
    };
  });
}
