import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { Redis } from 'ioredis';
import { devicesKey, shardOf, timersKey } from '../keys.js';
import { claimDue } from '../redis/claim-due.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/**
 * Timers: when the rules of a device, or a quorum, are evaluated without a reading. Each device and each quorum has at most one: the
 * earliest that any of its rules needs. A due timer stays until the verdict is written, which sets the next one in the same function; so a
 * crash costs a lease, never a timer.
 */
export interface DueTimer {
  readonly kind: 'device' | 'group';
  readonly fleet: string;
  /** The device, or the rule of the quorum. */
  readonly name: string;
}

/** Maximum number of timers to claim in one call: evaluating them delays telemetry by at most 20 ms. */
const CLAIM_LIMIT = 128;
/** How long a replica may take to evaluate them, milliseconds. */
const LEASE_MS = 5000;

/** Takes due timers under a lease; the caller must evaluate each of them. */
export async function claimTimers(redis: Redis): Promise<DueTimer[]> {
  const { members } = await claimDue(redis, ALL_SHARDS.map(timersKey), CLAIM_LIMIT, LEASE_MS);
  return members.map((member) => {
    const [kind, fleet, name] = member.split('/');
    return { kind: kind as DueTimer['kind'], fleet: fleet!, name: name! };
  });
}

/** Removes a timer whose device or quorum no longer exists. */
export async function removeTimer(redis: Redis, { kind, fleet, name }: DueTimer): Promise<void> {
  await redis.zrem(timersKey(shardOf(fleet, name)), `${kind}/${fleet}/${name}`);
}

/**
 * Sets timers for the devices in these scopes, after a new rule that can wait for their silence. Earlier timers stay.
 * @param scopes of the new rules; devices that they name get a timer even if they have never reported
 * @param at server time, milliseconds
 * @returns the number of devices in the scopes
 */
export async function setTimers(
  redis: Redis,
  fleet: string,
  scopes: readonly DeviceScope[],
  at: number,
): Promise<number> {
  const perShard = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
    pipeline.zrange(devicesKey(shard, fleet), '0', '-1'),
  )) as string[][];
  let count = 0;
  const named = scopes.flatMap((scope) => (scope === '*' ? [] : scope.filter((name) => !name.endsWith('*'))));
  for (const name of named) perShard[shardOf(fleet, name)]!.push(name);
  for (const [shard, devices] of perShard.entries()) {
    const members = [...new Set(devices)]
      .filter((device) => scopes.some((scope) => inScope(scope, device)))
      .map((device) => `device/${fleet}/${device}`);
    count += members.length;
    for (let first = 0; first < members.length; first += 1000)
      await redis.zadd(
        timersKey(shard),
        'LT',
        ...members.slice(first, first + 1000).flatMap((member) => [at, member]),
      );
  }
  return count;
}

/**
 * When a device is evaluated again without a reading, server time in ms. `exact` replaces the current timer (undefined removes it);
 * otherwise the earlier of the two applies.
 */
export interface Timer {
  readonly at: number | undefined;
  readonly exact: boolean;
}
