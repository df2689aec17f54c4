import type { Redis } from 'ioredis';
import {
  devicesKey,
  fleetRolloutsKey,
  measurementNamesKey,
  REMOVALS_DUE_KEY,
  removalKey,
  rolloutKey,
  rulesKey,
  SHARDS,
} from '../keys.js';
import { claimDue } from '../redis/claim-due.js';
import { redisNow } from '../redis/connect.js';
import { callFunction } from '../redis/functions.js';
import { forgetRejected } from '../rejected/rejected.js';
import { forgetRollout } from '../rollouts/rollout-lease.js';
import { cancelRollout } from '../rollouts/rollouts.js';
import { forgetGroup } from '../rules/groups.js';
import { deleteRule, readRule, switchRules } from '../rules/rules.js';
import { deleteTelemetrySchema } from '../telemetry/telemetry-schemas.js';
import { type DeviceName, type Removal, removeDevices } from './remove-devices.js';

/**
 * Removing a fleet cancels its rollouts, removes its devices page by page, and then its rules, rollouts and telemetry schema. The ledger
 * stays. The replica of the rules service that holds the lease performs the steps and saves its position. A second holder does no harm,
 * because every step can be repeated. Devices that report during the removal are new devices, and can remain.
 */
export interface FleetRemoval {
  readonly fleet: string;
  readonly state: 'running' | 'done';
  /** Devices removed so far. */
  readonly removed: number;
  /** Milliseconds on the Redis clock. */
  readonly startedAt: number;
  readonly endedAt?: number;
}

/** Devices per step: about 50 ms of Redis time if each has a hundred commands. */
const PAGE = 100;
/** A replica that does not complete a step within this time loses the removal, milliseconds. */
const LEASE_MS = 5000;
/** Time for cancelled rollouts to close; afterwards they are removed unclosed, milliseconds. */
const CLOSING_MS = 60_000;
/** How long the record of a finished removal is kept, seconds. */
const KEPT_S = 24 * 3600;

/** Starts the removal of a fleet, or finds the one that is running. */
export async function startFleetRemoval(redis: Redis, fleet: string): Promise<FleetRemoval> {
  const pairs = (await callFunction(
    redis,
    'startRemoval-2',
    [REMOVALS_DUE_KEY, removalKey(fleet)],
    [fleet],
  )) as string[];
  const record: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) record[pairs[i]!] = pairs[i + 1]!;
  return removalOf(fleet, record);
}

/** Reads the latest removal of a fleet; undefined if there was none within a day. */
export async function readFleetRemoval(redis: Redis, fleet: string): Promise<FleetRemoval | undefined> {
  const record = await redis.hgetall(removalKey(fleet));
  return record.state === undefined ? undefined : removalOf(fleet, record);
}

function removalOf(fleet: string, record: Readonly<Record<string, string>>): FleetRemoval {
  const { state, removed, startedAt, endedAt } = record;
  return {
    fleet,
    state: state as FleetRemoval['state'],
    removed: Number(removed),
    startedAt: Number(startedAt),
    ...(endedAt !== undefined && { endedAt: Number(endedAt) }),
  };
}

/** Takes up to `limit` fleets whose removal has no holder. */
export async function claimFleetRemovals(redis: Redis, limit: number): Promise<string[]> {
  return (await claimDue(redis, [REMOVALS_DUE_KEY], limit, LEASE_MS)).members;
}

/** The result of a step. */
export interface RemovalStep {
  readonly removal: FleetRemoval;
  readonly devices: readonly { readonly device: DeviceName; readonly removal: Removal }[];
  /** The step could do nothing yet, because cancelled rollouts are closing. */
  readonly waits: boolean;
}

/** Performs the next step and renews the lease. @returns undefined if the fleet is not being removed */
export async function stepFleetRemoval(redis: Redis, fleet: string): Promise<RemovalStep | undefined> {
  const record = await redis.hgetall(removalKey(fleet));
  if (record.state !== 'running') {
    await redis.zrem(REMOVALS_DUE_KEY, fleet);
    return undefined;
  }
  const shard = Number(record.shard);
  if (shard === 0 && record.after === '') await cancelRollouts(redis, fleet);
  if (shard < SHARDS) return removePage(redis, fleet, shard, record.after!);
  const now = await redisNow(redis);
  const isClosed =
    (await removeRollouts(redis, fleet, now - Number(record.devicesDoneAt) > CLOSING_MS)) === 0;
  if (isClosed) await end(redis, fleet, now);
  return { removal: (await readFleetRemoval(redis, fleet))!, devices: [], waits: !isClosed };
}

async function removePage(redis: Redis, fleet: string, shard: number, after: string): Promise<RemovalStep> {
  const min = after === '' ? '-' : `(${after}`;
  // Skips empty shards within the step.
  let at = shard;
  let names = await redis.zrangebylex(devicesKey(at, fleet), min, '+', 'LIMIT', 0, PAGE);
  while (names.length === 0 && ++at < SHARDS)
    names = await redis.zrangebylex(devicesKey(at, fleet), '-', '+', 'LIMIT', 0, PAGE);
  const devices = names.map((device) => ({ fleet, device }));
  const removals = await removeDevices(redis, devices);
  const count = removals.filter(({ outcome }) => outcome === 'removed').length;
  const key = removalKey(fleet);
  const save = redis
    .multi()
    .hset(key, 'shard', at, 'after', names.at(-1) ?? '')
    .hincrby(key, 'removed', count);
  if (at === SHARDS) save.hset(key, 'devicesDoneAt', await redisNow(redis));
  save.zadd(REMOVALS_DUE_KEY, (await redisNow(redis)) + LEASE_MS, fleet);
  for (const [error] of (await save.exec()) ?? []) if (error) throw error;
  return {
    removal: (await readFleetRemoval(redis, fleet))!,
    devices: devices.map((device, i) => ({ device, removal: removals[i]! })),
    waits: false,
  };
}

async function cancelRollouts(redis: Redis, fleet: string): Promise<void> {
  for (const id of await redis.zrange(fleetRolloutsKey(fleet), '0', '-1')) await cancelRollout(redis, id);
}

/** Removes the records of closed rollouts, or of all. @returns how many remain */
async function removeRollouts(redis: Redis, fleet: string, all: boolean): Promise<number> {
  let remaining = 0;
  for (const id of await redis.zrange(fleetRolloutsKey(fleet), '0', '-1')) {
    const isClosed = (await redis.hexists(rolloutKey(id), 'counts')) === 1;
    if (!isClosed && !all) {
      remaining += 1;
      continue;
    }
    await forgetRollout(redis, id);
    await redis.unlink(rolloutKey(id));
    await redis.zrem(fleetRolloutsKey(fleet), id);
  }
  return remaining;
}

/** Removes the data of the fleet itself. Rules are deleted as through the API, so that the seed rules do not return. */
async function end(redis: Redis, fleet: string, now: number): Promise<void> {
  for (const rule of await redis.hkeys(rulesKey(fleet))) {
    const stored = await readRule(redis, fleet, rule);
    if (stored !== undefined) await deleteRule(redis, fleet, rule, stored.version);
    await forgetGroup(redis, { fleet, rule });
  }
  await switchRules(redis, fleet, true);
  await deleteTelemetrySchema(redis, fleet);
  await redis.unlink(measurementNamesKey(fleet));
  await forgetRejected(redis, [{ fleet }]);
  const key = removalKey(fleet);
  const replies = await redis
    .multi()
    .hset(key, 'state', 'done', 'endedAt', now)
    .expire(key, KEPT_S)
    .zrem(REMOVALS_DUE_KEY, fleet)
    .exec();
  for (const [error] of replies ?? []) if (error) throw error;
}
