import type { Redis } from 'ioredis';
import { deviceKey, EDGE_RULES_KEY, shardOf } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import { pipelined } from '../redis/pipelined.js';

/**
 * The rule that a device follows while its link is down. The server sets a rule; a command sends the device its current version, and
 * another command follows when the rule changes. Versions are texts, `<rule>@<version>`; null means no rule.
 */
export interface EdgeSetting {
  /** The rule that was set; undefined if none was ever set. */
  readonly rule?: string | null;
  /** The version in the last command (stored as `edge:told`). */
  readonly sent?: string | null;
  /** The version that the device reports to follow. */
  readonly confirmed?: string | null;
}

/** Stores the rule of a device, and the version that was just sent to it. */
export async function setEdgeRule(
  redis: Redis,
  fleet: string,
  device: string,
  { rule, sent }: { readonly rule: string | null; readonly sent: string | null },
): Promise<void> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  await redis.hset(key, 'edge', rule ?? '', 'edge:told', sent ?? '');
  // After a crash at this point the client has no response and repeats the request.
  if (rule === null) await redis.hdel(EDGE_RULES_KEY, `${fleet}/${device}`);
  else await redis.hset(EDGE_RULES_KEY, `${fleet}/${device}`, rule);
}

/** Records that another version of its rule was sent to a device. */
export async function recordSentRule(
  redis: Redis,
  fleet: string,
  device: string,
  sent: string | null,
): Promise<void> {
  await redis.hset(deviceKey(shardOf(fleet, device), fleet, device), 'edge:told', sent ?? '');
}

/** The version that a device reports to follow, `<rule>@<version>`; null if it follows none. */
export interface EdgeConfirmation {
  readonly fleet: string;
  readonly device: string;
  readonly confirmed: string | null;
  /** Lane sequence number of the command that the device acknowledged. */
  readonly seq: number;
}

/** Stores confirmations; one of an older command than the stored one changes nothing. */
export async function confirmEdgeRules(
  redis: Redis,
  confirmations: readonly EdgeConfirmation[],
): Promise<void> {
  const calls = confirmations.map(({ fleet, device, confirmed, seq }) => ({
    keys: [deviceKey(shardOf(fleet, device), fleet, device)],
    args: [seq, confirmed ?? ''],
  }));
  await callFunctions(redis, 'confirmEdgeRule-1', calls);
}

/** Reads the setting of one device. */
export async function readEdgeSetting(redis: Redis, fleet: string, device: string): Promise<EdgeSetting> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  const [rule, sent, confirmed] = await redis.hmget(key, 'edge', 'edge:told', 'edge:confirmed');
  return {
    ...(rule != null && { rule: rule || null }),
    ...(sent != null && { sent: sent || null }),
    ...(confirmed != null && { confirmed: confirmed || null }),
  };
}

/** A device with an edge rule. */
export interface EdgeDevice {
  readonly fleet: string;
  readonly device: string;
  readonly rule: string;
  readonly sent: string | null;
  readonly confirmed: string | null;
}

/** Iterates over all devices with an edge rule, a few hundred at a time. */
export async function* walkEdgeDevices(redis: Redis): AsyncGenerator<EdgeDevice[]> {
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(EDGE_RULES_KEY, cursor, 'COUNT', 200);
    cursor = next;
    const devices = flat.flatMap((member, i) => {
      const [fleet, device] = member.split('/');
      return i % 2 === 1 || fleet === undefined || device === undefined
        ? []
        : [{ fleet, device, rule: flat[i + 1]! }];
    });
    const versions = (await pipelined(redis, devices, (pipeline, { fleet, device }) =>
      pipeline.hmget(deviceKey(shardOf(fleet, device), fleet, device), 'edge:told', 'edge:confirmed'),
    )) as [string | null, string | null][];
    yield devices.map((device, i) => {
      const [sent, confirmed] = versions[i]!;
      return { ...device, sent: sent || null, confirmed: confirmed || null };
    });
  } while (cursor !== '0');
}

/**
 * Takes the lease for iterating over the devices: one replica at a time.
 * @param ms length of the lease
 * @returns whether this replica got it
 */
export async function claimEdgeWalk(redis: Redis, ms: number): Promise<boolean> {
  return (await redis.set(`${EDGE_RULES_KEY}-walk`, '1', 'PX', ms, 'NX')) === 'OK';
}

/** Releases that lease. */
export async function endEdgeWalk(redis: Redis): Promise<void> {
  await redis.del(`${EDGE_RULES_KEY}-walk`);
}
