import type { DeviceState } from '@lamplighter/contracts/devices/device-state';
import type { Redis } from 'ioredis';
import { devicesKey, statesKey } from '../keys.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';
import { runScripts } from '../redis/script.js';
import type { DeviceAddress } from './device-address.js';
import { parseEntry, presenceOf } from './devices.js';

/** The least time between two publishes of one device's state, milliseconds. */
export const STATE_PERIOD_MS = 1000;

/**
 * What is to be done for a device: nothing, ask again after some time, publish this state, or remove the retained one of a device that is
 * gone. Whoever is told to publish is the only one.
 */
export type StateClaim =
  | { readonly kind: 'none' | 'gone' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'state'; readonly state: DeviceState };

/**
 * Claims what is to be published of these devices, in their order.
 * @param againBefore states that were published before this are published again; server time, ms
 */
export async function claimStates(
  redis: Redis,
  addresses: readonly DeviceAddress[],
  againBefore: number,
): Promise<StateClaim[]> {
  const replies = await runScripts(
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

/** Walks the devices of a fleet whose state may have to be published or removed: those that it has, and those whose state was published. */
export async function* walkStates(redis: Redis, fleet: string): AsyncGenerator<string[]> {
  for (const shard of ALL_SHARDS) {
    yield* scanNames((cursor) => redis.zscan(devicesKey(shard, fleet), cursor, 'COUNT', 200));
    yield* walkShard(redis, fleet, shard);
  }
}

/** Walks the devices of a fleet whose state was published. */
export async function* walkPublishedStates(redis: Redis, fleet: string): AsyncGenerator<string[]> {
  const lengths = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.hlen(statesKey(shard, fleet)),
  )) as number[];
  for (const shard of ALL_SHARDS) if (lengths[shard]! > 0) yield* walkShard(redis, fleet, shard);
}

/** Which of these devices are no longer in the store although their state was published, in their order. */
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

/** Forgets that states were published; the broker has none of them any more. */
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

/** The names of a HASH's or ZSET's scan: every other text is a value. */
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
