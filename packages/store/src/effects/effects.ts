import type { Redis } from 'ioredis';
import { shardOfCommand } from '../commands/command-id.js';
import { type EffectEvidence, type EffectOutcome, evidenceText } from '../commands/effect-record.js';
import {
  commandKeys,
  effectsKey,
  ineffectiveKey,
  OUTCOMES_KEPT_PER_DEVICE,
  outcomesKey,
  shardOf,
} from '../keys.js';
import { claimDue } from '../redis/claim-due.js';
import { callFunction } from '../redis/functions.js';
import { ALL_SHARDS } from '../redis/pipelined.js';

/**
 * Effect checks. The function that records `succeeded` adds the command to the effects index. A replica claims it, reads what
 * the device has reported since, and records the outcome or when to check again. A crash only delays it: the lease ends, and another
 * replica checks.
 */
export interface EffectCheck {
  readonly fleet: string;
  readonly device: string;
  /** The command. */
  readonly id: string;
}

/** How long a replica may spend on a check, milliseconds. */
export const EFFECT_LEASE_MS = 10_000;

/** Longest time until the next check, milliseconds. */
export const MAX_EFFECT_WAIT_MS = 5 * 60_000;

/** Takes up to `limit` due checks; `now` is the time of Redis, milliseconds. */
export async function claimEffects(
  redis: Redis,
  limit: number,
): Promise<{ now: number; checks: EffectCheck[] }> {
  const { now, members } = await claimDue(redis, ALL_SHARDS.map(effectsKey), limit, EFFECT_LEASE_MS);
  const checks = members.map((member) => {
    const [fleet, device, id] = member.split('/') as [string, string, string];
    return { fleet, device, id };
  });
  return { now, checks };
}

/** The result of a check. */
export interface EffectFinding {
  readonly rule: string;
  readonly outcome: EffectOutcome;
  readonly evidence: EffectEvidence;
  /** If still pending: when to check again, at most `MAX_EFFECT_WAIT_MS` from now; time of Redis in milliseconds. */
  readonly nextAt?: number;
}

/**
 * Records the result of a check. Repeating it changes nothing.
 * @returns whether this call recorded it; false if the outcome is known already, or the command was pruned
 */
export async function recordEffect(
  redis: Redis,
  { fleet, device, id }: EffectCheck,
  { rule, outcome, evidence, nextAt }: EffectFinding,
): Promise<boolean> {
  const shard = shardOfCommand(id) ?? 0;
  const [commands, , acknowledgements] = commandKeys(shard) as [string, string, string];
  const keys = [
    effectsKey(shard),
    commands,
    acknowledgements,
    outcomesKey(shard, fleet, device),
    ineffectiveKey(shard, fleet),
  ];
  const args = [
    `${fleet}/${device}/${id}`,
    outcome,
    evidenceText(evidence),
    rule,
    nextAt ?? '',
    OUTCOMES_KEPT_PER_DEVICE,
  ];
  return (await callFunction(redis, 'recordEffect-5', keys, args)) === 1;
}

/** Removes a check that cannot be made. */
export async function dropEffect(redis: Redis, { fleet, device, id }: EffectCheck): Promise<void> {
  await redis.zrem(effectsKey(shardOfCommand(id) ?? 0), `${fleet}/${device}/${id}`);
}

/** The last measured effect of a rule's commands on a device. */
export interface DeviceEffect {
  readonly rule: string;
  readonly outcome: 'effective' | 'ineffective';
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly command: string;
}

/** The last measured effects on a device, by rule. */
export async function readDeviceEffects(
  redis: Redis,
  fleet: string,
  device: string,
): Promise<DeviceEffect[]> {
  const outcomes = await redis.hgetall(outcomesKey(shardOf(fleet, device), fleet, device));
  return Object.entries(outcomes)
    .map(([rule, text]) => {
      const [outcome, at, command] = text.split(',') as [DeviceEffect['outcome'], string, string];
      return { rule, outcome, at: Number(at), command };
    })
    .sort((a, b) => (a.rule < b.rule ? -1 : 1));
}
