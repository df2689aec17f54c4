import type { Redis } from 'ioredis';
import { deviceKey, EDGE_RULES_KEY, shardOf } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';

/**
 * By which rule devices are to go while their link is down. What is set is the rule; the device is told a version of it by a command,
 * and told anew when the rule has another one. Versions are texts, `<rule>@<version>`; null is none.
 */
export interface EdgeSetting {
  /** The rule that was set; undefined if nothing ever was. */
  readonly rule?: string | null;
  /** The version that the device was last told by command. */
  readonly told?: string | null;
  /** By which the device has said that it goes. */
  readonly confirmed?: string | null;
}

/** Keeps the rule of a device, and the version that it was just told. */
export async function setEdgeRule(
  redis: Redis,
  fleet: string,
  device: string,
  { rule, told }: { readonly rule: string | null; readonly told: string | null },
): Promise<void> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  await redis.hset(key, 'edge', rule ?? '', 'edge:told', told ?? '');
  // If the process dies in between nobody had an answer, and the request is repeated.
  if (rule === null) await redis.hdel(EDGE_RULES_KEY, `${fleet}/${device}`);
  else await redis.hset(EDGE_RULES_KEY, `${fleet}/${device}`, rule);
}

/** Notes that a device was told another version of its rule. */
export async function noteToldRule(
  redis: Redis,
  fleet: string,
  device: string,
  told: string | null,
): Promise<void> {
  await redis.hset(deviceKey(shardOf(fleet, device), fleet, device), 'edge:told', told ?? '');
}

/** Keeps what devices have said that they go by. */
export async function confirmEdgeRules(
  redis: Redis,
  said: readonly { readonly fleet: string; readonly device: string; readonly confirmed: string | null }[],
): Promise<void> {
  await pipelined(redis, said, (pipeline, { fleet, device, confirmed }) =>
    pipeline.hset(deviceKey(shardOf(fleet, device), fleet, device), 'edge:confirmed', confirmed ?? ''),
  );
}

/** Reads the setting of one device. */
export async function readEdgeSetting(redis: Redis, fleet: string, device: string): Promise<EdgeSetting> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  const [rule, told, confirmed] = await redis.hmget(key, 'edge', 'edge:told', 'edge:confirmed');
  return {
    ...(rule != null && { rule: rule || null }),
    ...(told != null && { told: told || null }),
    ...(confirmed != null && { confirmed: confirmed || null }),
  };
}

/** A device that has a rule at the edge. */
export interface EdgeDevice {
  readonly fleet: string;
  readonly device: string;
  readonly rule: string;
  readonly told: string | null;
}

/** Walks all devices with a rule at the edge, some hundred at a time. */
export async function* walkEdgeDevices(redis: Redis): AsyncGenerator<EdgeDevice[]> {
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(EDGE_RULES_KEY, cursor, 'COUNT', 200);
    cursor = next;
    const set = flat.flatMap((member, i) => {
      const [fleet, device] = member.split('/');
      return i % 2 === 1 || fleet === undefined || device === undefined
        ? []
        : [{ fleet, device, rule: flat[i + 1]! }];
    });
    const told = (await pipelined(redis, set, (pipeline, { fleet, device }) =>
      pipeline.hget(deviceKey(shardOf(fleet, device), fleet, device), 'edge:told'),
    )) as (string | null)[];
    yield set.map((device, i) => ({ ...device, told: told[i] || null }));
  } while (cursor !== '0');
}

/**
 * Lets one replica at a time walk the devices.
 * @param ms for how long at most
 * @returns whether it is this one's turn
 */
export async function takeEdgeWalk(redis: Redis, ms: number): Promise<boolean> {
  return (await redis.set(`${EDGE_RULES_KEY}-walk`, '1', 'PX', ms, 'NX')) === 'OK';
}

/** The walk is over. */
export async function endEdgeWalk(redis: Redis): Promise<void> {
  await redis.del(`${EDGE_RULES_KEY}-walk`);
}
