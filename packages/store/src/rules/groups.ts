import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import type { Redis } from 'ioredis';
import { type DeliveryOptions, deliveryText } from '../commands/command-header.js';
import { newCommandId } from '../commands/command-id.js';
import { type Superseded, supersededOf } from '../commands/superseded.js';
import {
  countedCommandKeys,
  deviceKey,
  devicesKey,
  fleetsKey,
  groupKey,
  presenceKey,
  shardOf,
  timersKey,
} from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { callFunction } from '../redis/functions.js';
import { ALL_SHARDS, pipelined } from '../redis/pipelined.js';

/** The name of a quorum: a rule that several sensors decide together. */
export interface GroupName {
  readonly fleet: string;
  readonly rule: string;
}

/** The latest vote of one sensor. Times are milliseconds on the Redis clock. */
export interface GroupVote {
  readonly device: string;
  /** 1 or 0, or the measured value. */
  readonly value: number;
  readonly receivedAt: number;
  /** The `since` of the rule. */
  readonly since: number;
  /** As stored, so that it is removed only if it has not been cast again. */
  readonly stored: string;
}

/** A stored quorum. */
export interface Group extends GroupName {
  /** Counts the decisions that were written; '' before the first. */
  readonly version: string;
  /** The last decision, JSON; '' before the first one. */
  readonly state: string;
  readonly votes: readonly GroupVote[];
  /** When it is evaluated without a vote, ms; undefined if never. */
  readonly timer: number | undefined;
}

/** Reads these quorums in one round trip, and the time of Redis just before. */
export async function readGroups(
  redis: Redis,
  names: readonly GroupName[],
): Promise<{ now: number; groups: Group[] }> {
  const [now, hashes, timers] = await Promise.all([
    redisNow(redis),
    pipelined(redis, names, (pipeline, { fleet, rule }) =>
      pipeline.hgetall(groupKey(fleet, rule)),
    ) as Promise<Record<string, string>[]>,
    pipelined(redis, names, (pipeline, { fleet, rule }) =>
      pipeline.zscore(timersKey(shardOf(fleet, rule)), timerMember({ fleet, rule })),
    ) as Promise<(string | null)[]>,
  ]);
  return {
    now,
    groups: names.map(({ fleet, rule }, i) => {
      const { version = '', state = '', ...fields } = hashes[i]!;
      const timer = timers[i];
      return {
        fleet,
        rule,
        version,
        state,
        votes: votesOf(fields),
        timer: timer ? Number(timer) : undefined,
      };
    }),
  };
}

/** The states of these quorums, as in `Group.state`, without their votes. */
export async function readGroupStates(redis: Redis, names: readonly GroupName[]): Promise<string[]> {
  const states = (await pipelined(redis, names, (pipeline, { fleet, rule }) =>
    pipeline.hget(groupKey(fleet, rule), 'state'),
  )) as (string | null)[];
  return states.map((state) => state ?? '');
}

/** The commands of a decision, one per target. */
export interface GroupCommands extends DeliveryOptions {
  readonly targets: readonly string[];
  readonly lane: string;
  /** Milliseconds. */
  readonly ttl: number;
  readonly json: string;
  readonly cause: string;
}

/** A decision to be written. */
export interface GroupDecision extends GroupName {
  /** The version on which it was decided. */
  readonly version: string;
  /** The new state, JSON; '' if it is unchanged. */
  readonly state: string;
  /** When to evaluate again without a vote, ms; undefined if never. */
  readonly timer: number | undefined;
  /** Expired votes. */
  readonly forget: readonly GroupVote[];
  readonly commands?: GroupCommands | undefined;
}

/** The outcome of the command for one target. */
export interface TargetOutcome extends Superseded {
  readonly device: string;
  readonly shard: number;
  readonly id: string;
  /** `full`, `fleet_full`, `unreachable` (policy `now`): no command was enqueued. */
  readonly state: 'pending' | 'full' | 'fleet_full' | 'unreachable';
}

/** A decision as decideGroup-n.lua reads it. Fields that do not apply are left out. */
interface DecisionMessage {
  readonly fleet: string;
  /** On which it was decided; '' if there is none. */
  readonly version: string;
  /** The new state, JSON; left out if it is unchanged. */
  readonly state?: string;
  /** Member of the timers ZSET, and when to decide again, ms; never without `at`. */
  readonly timer: string;
  readonly at?: number;
  /** Votes to remove: fields of the group, with their values. */
  readonly forget: readonly { readonly field: string; readonly value: string }[];
  /** The command for every target: `delivery` is the header, starting at the policy; `ttl` is in milliseconds. */
  readonly command?: {
    readonly lane: string;
    readonly delivery: string;
    readonly ttl: number;
    readonly json: string;
    readonly cause: string;
  };
  /** With the positions of a target's HASH and of the first key of its shard. */
  readonly targets: readonly {
    readonly device: string;
    readonly id: string;
    readonly deviceKey: number;
    readonly shardKeys: number;
  }[];
}

/**
 * Writes a decision and enqueues its commands in one function; the caller wakes the dispatchers of their shards.
 * @returns undefined if another replica has decided in the meantime: nothing was written, and the caller must evaluate again
 */
export async function decideGroup(
  redis: Redis,
  decision: GroupDecision,
): Promise<TargetOutcome[] | undefined> {
  const { fleet, rule, version, state, timer, forget, commands } = decision;
  const keys = [groupKey(fleet, rule), timersKey(shardOf(fleet, rule))];
  const shards = new Map<number, number>();
  const targets = (commands?.targets ?? []).map((device) => {
    const shard = shardOf(fleet, device);
    keys.push(deviceKey(shard, fleet, device));
    return { device, shard, id: newCommandId(shard), at: keys.length };
  });
  for (const { shard } of targets) {
    if (shards.has(shard)) continue;
    shards.set(shard, keys.length + 1);
    keys.push(presenceKey(shard, fleet), devicesKey(shard, fleet), fleetsKey(shard));
    keys.push(...countedCommandKeys(shard, fleet));
  }
  const message: DecisionMessage = {
    fleet,
    version,
    ...(state !== '' && { state }),
    timer: timerMember({ fleet, rule }),
    ...(timer !== undefined && { at: timer }),
    forget: forget.map(({ device, stored }) => ({ field: `v:${device}`, value: stored })),
    ...(commands !== undefined && { command: commandOf(commands) }),
    targets: targets.map(({ device, shard, id, at }) => ({
      device,
      id,
      deviceKey: at,
      shardKeys: shards.get(shard)!,
    })),
  };
  const args = [JSON.stringify(message)];
  const [outcome, ...replies] = (await callFunction(redis, 'decideGroup-n', keys, args)) as [
    string,
    ...[TargetOutcome['state'], ...string[]][],
  ];
  if (outcome === 'conflict') return undefined;
  return targets.map(({ device, shard, id }, i) => {
    const [outcome, ...ended] = replies[i]!;
    return { device, shard, id, state: outcome, ...supersededOf(ended) };
  });
}

function commandOf(commands: GroupCommands): DecisionMessage['command'] {
  const { lane, ttl, json, cause } = commands;
  return { lane, delivery: deliveryText(commands), ttl, json, cause };
}

/** Deletes a quorum whose rule was deleted: votes, state and timer. */
export async function forgetGroup(redis: Redis, { fleet, rule }: GroupName): Promise<void> {
  await redis.zrem(timersKey(shardOf(fleet, rule)), timerMember({ fleet, rule }));
  await redis.unlink(groupKey(fleet, rule));
}

/** The first devices of a scope by name: known devices of its prefixes, and all its names, known or not. */
export async function devicesInScope(
  redis: Redis,
  fleet: string,
  scope: DeviceScope,
  limit: number,
): Promise<string[]> {
  const names = scope === '*' ? [] : scope.filter((name) => !name.endsWith('*'));
  const prefixes =
    scope === '*' ? [''] : scope.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const found = new Set(names);
  for (const prefix of prefixes) {
    // "~" is above every byte of a name, so it ends the range of a prefix.
    const [min, max] = prefix === '' ? ['-', '+'] : [`[${prefix}`, `(${prefix}~`];
    const perShard = (await pipelined(redis, ALL_SHARDS, (pipeline, shard) =>
      pipeline.zrangebylex(devicesKey(shard, fleet), min!, max!, 'LIMIT', 0, limit),
    )) as string[][];
    for (const device of perShard.flat().sort().slice(0, limit)) found.add(device);
  }
  return [...found].sort().slice(0, limit);
}

function timerMember({ fleet, rule }: GroupName): string {
  return `group/${fleet}/${rule}`;
}

/** Parses votes; malformed ones are skipped. */
function votesOf(fields: Readonly<Record<string, string>>): GroupVote[] {
  const votes: GroupVote[] = [];
  for (const [field, stored] of Object.entries(fields)) {
    const [receivedAt, value, since] = stored.split(',').map(Number);
    if (!field.startsWith('v:') || !Number.isFinite(value) || since === undefined) continue;
    votes.push({ device: field.slice(2), receivedAt: receivedAt!, value: value!, since, stored });
  }
  return votes;
}
