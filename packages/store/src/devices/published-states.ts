import type { DeviceState } from '@lamplighter/contracts/devices/device-state';
import type { Redis } from 'ioredis';
import { devicesKey, statesKey } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import type { DeviceAddress } from './device-address.js';
import { parseEntry, presenceOf } from './devices.js';

/** The minimum time between publishes of one device's state, milliseconds. */
export const STATE_PERIOD_MS = 1000;

/**
 * What to do for a device: nothing, try again later, publish this state, or remove the retained state of a removed device. Only one replica
 * gets the claim to publish.
 */
export type StateClaim =
  | { readonly kind: 'none' | 'gone' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'state'; readonly state: DeviceState };

/**
 * Claims the publication of these devices' states, in their order.
 * @param againBefore states that were published before this are published again; server time, ms
 */
export async function claimStates(
  redis: Redis,
  addresses: readonly DeviceAddress[],
  againBefore: number,
): Promise<StateClaim[]> {
  const replies = await callFunctions(
    redis,
    'claimState-3',
    addresses.map((address) => ({
      keys: [address.windowKey, address.presenceKey, statesKey(address.shard, address.fleet)],
      args: [address.device, STATE_PERIOD_MS, againBefore],
    })),
  );
  return (replies as [StateClaim['kind'], ...(string | number)[]][]).map(([kind, first, entry, score]) => {
    if (kind === 'wait') return { kind, ms: Number(first) };
    if (kind !== 'state') return { kind };
    const until = score === '' ? -1 : Number(score);
    const { seq, at, receivedAt, measurements } = parseEntry(String(entry));
    const presence = presenceOf(until, Number(first));
    return {
      kind,
      state: {
        measurements,
        ...(at !== undefined && { at }),
        ...(seq !== undefined && { seq }),
        receivedAt,
        presence,
        ...(presence === 'online' && { freshUntil: until }),
      },
    };
  });
}

/** Iterates over the devices of a fleet whose state may need to be published or removed: its devices, and those with a published state. */
export async function* walkStates(redis: Redis, fleet: string): AsyncGenerator<string[]> {
  for (const shard of ALL_SHARDS) {
    yield* scanNames((cursor) => redis.zscan(devicesKey(shard, fleet), cursor, 'COUNT', 200));
    yield* walkShard(redis, fleet, shard);
  }
}

/** Iterates over the devices of a fleet with a published state. */
export async function* walkPublishedStates(redis: Redis, fleet: string): AsyncGenerator<string[]> {
  const lengths = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.hlen(statesKey(shard, fleet)),
  )) as number[];
  for (const shard of ALL_SHARDS) if (lengths[shard]! > 0) yield* walkShard(redis, fleet, shard);
}

/** Whether each of these devices is no longer in the store although its state is published. */
export async function haveOrphanedStates(
  redis: Redis,
  addresses: readonly DeviceAddress[],
): Promise<boolean[]> {
  const published = await pipelined(redis, addresses, (pipeline, { shard, fleet, device }) =>
    pipeline.hexists(statesKey(shard, fleet), device),
  );
  const known = await pipelined(redis, addresses, (pipeline, { shard, fleet, device }) =>
    pipeline.zscore(devicesKey(shard, fleet), device),
  );
  return addresses.map((_, i) => published[i] === 1 && known[i] === null);
}

/** Deletes the records of published states, once the broker no longer retains them. */
export async function forgetPublishedStates(
  redis: Redis,
  addresses: readonly DeviceAddress[],
): Promise<void> {
  await pipelined(redis, addresses, (pipeline, { shard, fleet, device }) =>
    pipeline.hdel(statesKey(shard, fleet), device),
  );
}

function walkShard(redis: Redis, fleet: string, shard: number): AsyncGenerator<string[]> {
  return scanNames((cursor) => redis.hscan(statesKey(shard, fleet), cursor, 'COUNT', 200));
}

/** The names from a HASH or ZSET scan, without the values. */
async function* scanNames(
  scan: (cursor: string) => Promise<[cursor: string, elements: string[]]>,
): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, flat] = await scan(cursor);
    cursor = next;
    if (flat.length > 0) yield flat.filter((_, i) => i % 2 === 0);
  } while (cursor !== '0');
}
