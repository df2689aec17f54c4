import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import type { Redis } from 'ioredis';
import type { PresenceCounts } from '../devices/devices.js';
import { fleetsKey, presenceKey, rulesKey, SHARDS, TELEMETRY_SCHEMAS_KEY } from '../keys.js';
import { redisNow } from '../redis/connect.js';

/** A fleet and its devices by presence. */
export interface Fleet {
  readonly fleet: string;
  readonly devices: PresenceCounts;
}

/** `left` is a part of `offline`. */
type Counts = PresenceCounts & { left: number };
/** `left` is not a part of `offline`. */
export type AllDeviceCounts = PresenceCounts & { left: number };

/** Limit of keys per round trip, so that no reply grows without bound. */
const COUNTS_PER_TRIP = 2000;

/**
 * Lists fleets by name, with counts; omits the canary fleet. Reads only the shards that hold devices of a fleet, so a thousand fleets
 * with one device each cost a thousand counts, not 64,000.
 * @param after only names after this one (the cursor)
 * @param only only these names
 * @returns up to `limit` fleets, and the last name if more follow
 */
export async function readFleets(
  redis: Redis,
  options: { limit: number; after?: string; only?: readonly string[] },
): Promise<{ fleets: Fleet[]; next?: string }> {
  const shards = await shardsByFleet(redis);
  const { after = '', only } = options;
  const names = [...shards.keys()]
    .filter((name) => name > after && (only === undefined || only.includes(name)))
    .sort();
  const page = names.slice(0, options.limit);
  const counts = await countShards(
    redis,
    page.map((name) => [name, shards.get(name)!]),
  );
  const fleets = page.map((fleet, i) => {
    const { left: _, ...devices } = counts[i]!;
    return { fleet, devices };
  });
  return names.length > page.length ? { fleets, next: page.at(-1)! } : { fleets };
}

/**
 * Counts the devices of all fleets by presence; omits the canary fleet. `left` counts devices that said goodbye after a birth with
 * `forgetAfter`: they do not count as offline here.
 */
export async function countAllDevices(redis: Redis): Promise<AllDeviceCounts> {
  const counts = await countShards(redis, [...(await shardsByFleet(redis))]);
  const sum = none();
  for (const count of counts) add(sum, count);
  return { ...sum, offline: sum.offline - sum.left };
}

async function shardsByFleet(redis: Redis): Promise<Map<string, number[]>> {
  const pipeline = redis.pipeline();
  for (let shard = 0; shard < SHARDS; shard += 1) pipeline.smembers(fleetsKey(shard));
  const shards = new Map<string, number[]>();
  for (const [shard, fleets] of (await replies<string[]>(pipeline)).entries()) {
    for (const fleet of fleets) {
      const known = shards.get(fleet);
      if (known) known.push(shard);
      else shards.set(fleet, [shard]);
    }
  }
  shards.delete(CANARY_FLEET);
  return shards;
}

async function countShards(
  redis: Redis,
  fleets: readonly (readonly [fleet: string, shards: readonly number[]])[],
): Promise<Counts[]> {
  const now = await redisNow(redis);
  const counts = fleets.map(none);
  const places = fleets.flatMap(([fleet, shards], i) =>
    shards.map((shard) => ({ i, key: presenceKey(shard, fleet) })),
  );
  for (let first = 0; first < places.length; first += COUNTS_PER_TRIP) {
    const trip = places.slice(first, first + COUNTS_PER_TRIP);
    const pipeline = redis.pipeline();
    for (const { key } of trip) {
      pipeline
        .zcount(key, now, '+inf')
        .zcount(key, 1, `(${now}`)
        .zcount(key, 0, '(1')
        .zcount(key, -1, -1)
        .zcount(key, '(0', '(1');
    }
    const numbers = await replies<number>(pipeline);
    for (const [n, { i }] of trip.entries()) {
      const [online, stale, offline, never_seen, left] = numbers.slice(n * 5, n * 5 + 5) as [
        number,
        number,
        number,
        number,
        number,
      ];
      add(counts[i]!, { online, stale, offline, never_seen, left });
    }
  }
  return counts;
}

function none(): Counts {
  return { online: 0, stale: 0, offline: 0, never_seen: 0, left: 0 };
}

function add(sum: Counts, more: Counts): void {
  sum.left += more.left;
  sum.online += more.online;
  sum.stale += more.stale;
  sum.offline += more.offline;
  sum.never_seen += more.never_seen;
}

async function replies<T>(pipeline: ReturnType<Redis['pipeline']>): Promise<T[]> {
  return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply as T;
  });
}

/** Those of these names that are fleets with devices. */
export async function fleetsAmong(redis: Redis, names: readonly string[]): Promise<string[]> {
  const fleets = await shardsByFleet(redis);
  return names.filter((name) => fleets.has(name));
}

/**
 * Whether a fleet exists: the store has one of its devices, or rules or a telemetry schema of the fleet (whose first write needs
 * `allowUnknown`).
 */
export async function isKnownFleet(redis: Redis, fleet: string): Promise<boolean> {
  const pipeline = redis.pipeline();
  for (let shard = 0; shard < SHARDS; shard += 1) pipeline.sismember(fleetsKey(shard), fleet);
  pipeline.exists(rulesKey(fleet)).hexists(TELEMETRY_SCHEMAS_KEY, fleet);
  return (await replies<number>(pipeline)).some((is) => is === 1);
}
