import type { PresenceState } from '@lamplighter/contracts/devices/presence';
import type { Redis } from 'ioredis';
import type { CommandSource } from '../commands/read-commands.js';
import { presenceOf } from '../devices/devices.js';
import {
  cleanupsKey,
  countedCommandKeys,
  deviceKey,
  devicesKey,
  EDGE_RULES_KEY,
  edgeDueKey,
  edgeKey,
  effectsKey,
  fleetsKey,
  forgetDueKey,
  groupKey,
  ineffectiveKey,
  outcomesKey,
  presenceKey,
  shardOf,
  timersKey,
  windowKey,
} from '../keys.js';
import { claimDue } from '../redis/claim-due.js';
import { callFunctions } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/**
 * Removing a device takes two steps. One function does everything in the device's shard: it ends open commands and deletes
 * state, window, commands, rule states, timers, settings and edge reports. The same function records a pending cleanup. A replica of the rules
 * service claims it and clears the rest: the broker's retained presence, votes in quorums, samples of rejected input, and the
 * edge rule. A crash only delays it.
 *
 * A device that reports again is a new device. For a day the store keeps its session, so that a device that stayed connected still gets
 * receipts and `_cmd`; and its counts up to the removal, for the ledger.
 */
export interface DeviceName {
  readonly fleet: string;
  readonly device: string;
}

/** How long the session and counts of a removed device are kept, milliseconds. */
const REMEMBERED_MS = 24 * 3_600_000;

/** A command that ended because its device was removed; `unknown` if an attempt was never acknowledged. */
export interface EndedCommand {
  readonly id: string;
  readonly state: 'cancelled' | 'unknown';
  readonly source: CommandSource['source'];
}

/** `kept`: the removal was conditional (`onlyIfAway`), and the device has not been offline for long enough. */
export type Removal =
  | {
      readonly outcome: 'removed';
      /** Its presence before. A device that was online is likely to report again. */
      readonly presence: PresenceState;
      /** The commands that were open, and how they ended. */
      readonly ended: readonly EndedCommand[];
    }
  | { readonly outcome: 'missing' | 'kept' };

/**
 * Removes devices in one round trip; the caller limits their number. Can be repeated.
 * @param onlyIfAway only devices that have been offline for longer than the `forgetAfter` of their birth
 */
export async function removeDevices(
  redis: Redis,
  devices: readonly DeviceName[],
  { onlyIfAway = false } = {},
): Promise<Removal[]> {
  if (devices.length === 0) return [];
  const replies = (await callFunctions(
    redis,
    'removeDevice-21',
    devices.map(({ fleet, device }) => {
      const shard = shardOf(fleet, device);
      return {
        keys: [
          deviceKey(shard, fleet, device),
          windowKey(shard, fleet, device),
          outcomesKey(shard, fleet, device),
          edgeKey(shard, fleet, device),
          presenceKey(shard, fleet),
          devicesKey(shard, fleet),
          fleetsKey(shard),
          ineffectiveKey(shard, fleet),
          timersKey(shard),
          effectsKey(shard),
          edgeDueKey(shard),
          forgetDueKey(shard),
          cleanupsKey(shard),
          ...countedCommandKeys(shard, fleet),
        ],
        args: [fleet, device, onlyIfAway ? '1' : '0', REMEMBERED_MS],
      };
    }),
  )) as [outcome: Removal['outcome'], onlineUntil?: string, now?: string, ...ended: string[]][];
  return replies.map(([outcome, onlineUntil, now, ...ended]) => {
    if (outcome !== 'removed') return { outcome };
    return {
      outcome,
      presence: presenceOf(Number(onlineUntil || -1), Number(now)),
      ended: ended.map((entry) => {
        const [state, source, id] = entry.split(' ') as [
          EndedCommand['state'],
          EndedCommand['source'],
          string,
        ];
        return { id, state, source };
      }),
    };
  });
}

/** A removed device that may still have data outside its shard. */
export interface PendingCleanup extends DeviceName {
  /** When it was removed, milliseconds on the Redis clock. */
  readonly at: number;
}

/** How long a replica may spend on the cleanups that it has claimed, milliseconds. */
const CLEANUP_LEASE_MS = 10_000;

/** Takes up to `limit` pending cleanups. */
export async function claimCleanups(redis: Redis, limit: number): Promise<PendingCleanup[]> {
  const { members } = await claimDue(redis, ALL_SHARDS.map(cleanupsKey), limit, CLEANUP_LEASE_MS);
  return members.map((member) => {
    const [fleet, device, at] = member.split('/') as [string, string, string];
    return { fleet, device, at: Number(at) };
  });
}

/**
 * Whether the broker's retained presence is still the removed device's: it is not if the device has published a birth since, or reports
 * again in its former session.
 */
export async function isRetainedPresenceOfRemoved(
  redis: Redis,
  cleanups: readonly PendingCleanup[],
): Promise<boolean[]> {
  const [sessions, scores] = (await Promise.all([
    pipelined(redis, cleanups, (pipeline, { fleet, device }) =>
      pipeline.hget(deviceKey(shardOf(fleet, device), fleet, device), 'session'),
    ),
    pipelined(redis, cleanups, (pipeline, { fleet, device }) =>
      pipeline.zscore(devicesKey(shardOf(fleet, device), fleet), device),
    ),
  ])) as [(string | null)[], (string | null)[]];
  return cleanups.map((_, i) => scores[i] === null || sessions[i]?.split(',')[1] !== '1');
}

/** Completes cleanups: no data of these devices remains. */
export async function completeCleanups(redis: Redis, cleanups: readonly PendingCleanup[]): Promise<void> {
  if (cleanups.length === 0) return;
  await redis.hdel(EDGE_RULES_KEY, ...cleanups.map(({ fleet, device }) => `${fleet}/${device}`));
  await pipelined(redis, cleanups, (pipeline, { fleet, device }) =>
    pipeline.hdel(deviceKey(shardOf(fleet, device), fleet, device), 'removed'),
  );
  await pipelined(redis, cleanups, (pipeline, { fleet, device, at }) =>
    pipeline.zrem(cleanupsKey(shardOf(fleet, device)), `${fleet}/${device}/${at}`),
  );
}

/** Removes the votes of removed devices from these quorums of a fleet; votes that were cast since stay. */
export async function removeVotes(
  redis: Redis,
  fleet: string,
  rules: readonly string[],
  cleanups: readonly PendingCleanup[],
): Promise<void> {
  const votes = rules.flatMap((rule) => cleanups.map((cleanup) => ({ rule, ...cleanup })));
  await callFunctions(
    redis,
    'removeVote-1',
    votes.map(({ rule, device, at }) => ({ keys: [groupKey(fleet, rule)], args: [device, at] })),
  );
}

/** How long a replica may take to check these devices, milliseconds. */
const FORGET_LEASE_MS = 10_000;

/** Takes up to `limit` devices whose `forgetAfter` may have passed. */
export async function claimExpiredDevices(redis: Redis, limit: number): Promise<DeviceName[]> {
  const { members } = await claimDue(redis, ALL_SHARDS.map(forgetDueKey), limit, FORGET_LEASE_MS);
  return members.map((member) => {
    const [fleet, device] = member.split('/') as [string, string];
    return { fleet, device };
  });
}
