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
import { ALL_SHARDS } from '../redis/pipelined.js';
import { runScript } from '../redis/script.js';
import { takeDue } from '../redis/take-due.js';

/**
 * Effects that are looked for. The script that records a device's `succeeded` puts the command on the list; whoever takes it
 * from there has it under a lease, looks at what the device has reported since, and records the outcome, or when to look again.
 * A replica that dies in between only loses time: the lease ends, and another one looks.
 */
export interface EffectCheck {
  readonly fleet: string;
  readonly device: string;
  /** The command. */
  readonly id: string;
}

/** How long a replica may take to look, milliseconds. */
export const EFFECT_LEASE_MS = 10_000;

/** Nobody puts off a look for longer, milliseconds. */
export const MAX_EFFECT_WAIT_MS = 5 * 60_000;

/** Takes up to `limit` effects that are to be looked at; `now` is the time of Redis, milliseconds. */
export async function takeEffects(
  redis: Redis,
  limit: number,
): Promise<{ now: number; checks: EffectCheck[] }> {
  const { now, members } = await takeDue(redis, ALL_SHARDS.map(effectsKey), limit, EFFECT_LEASE_MS);
  const checks = members.map((member) => {
    const [fleet, device, id] = member.split('/') as [string, string, string];
    return { fleet, device, id };
  });
  return { now, checks };
}

/** What a look at an effect has brought. */
export interface EffectFinding {
  readonly rule: string;
  readonly outcome: EffectOutcome;
  readonly evidence: EffectEvidence;
  /** Of one that is still pending: when to look again, `MAX_EFFECT_WAIT_MS` from now at most; time of Redis in milliseconds. */
  readonly nextAt?: number;
}

/**
 * Records what a look at a command's effect has brought. Repeating it changes nothing.
 * @returns whether this call did it; false if another one had found the outcome, or the command is forgotten
 */
export async function recordEffect(
  redis: Redis,
  { fleet, device, id }: EffectCheck,
  { rule, outcome, evidence, nextAt }: EffectFinding,
): Promise<boolean> {
  const shard = shardOfCommand(id) ?? 0;
  const [commands, , answers] = commandKeys(shard) as [string, string, string];
  const keys = [
    effectsKey(shard),
    commands,
    answers,
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
  return (await runScript(redis, 'recordEffect-5', keys, args)) === 1;
}

/** Takes a command off the list of which nothing can be said. */
export async function dropEffect(redis: Redis, { fleet, device, id }: EffectCheck): Promise<void> {
  await redis.zrem(effectsKey(shardOfCommand(id) ?? 0), `${fleet}/${device}/${id}`);
}

/** The last effect of a rule's commands on a device that could be measured. */
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
