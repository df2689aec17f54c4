import type { Redis } from 'ioredis';
import { deviceKey, shardOf } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';

/** What rules remember of one device. */
export interface RuleStates {
  /** By rule, as whoever judges wrote it; empty before the first verdict. */
  readonly states: Readonly<Record<string, unknown>>;
  /** The device has published a birth at some time, so it answers commands. */
  readonly announced: boolean;
}

/** Reads what rules remember of a device. What cannot be read (somebody wrote into Redis) is as good as nothing. */
export async function readRuleStates(redis: Redis, fleet: string, device: string): Promise<RuleStates> {
  const [rules, session] = await redis.hmget(
    deviceKey(shardOf(fleet, device), fleet, device),
    'rules',
    'session',
  );
  return { states: statesIn(rules), announced: Boolean(session) };
}

/** The same of many devices, in one round trip. */
export async function readManyRuleStates(
  redis: Redis,
  fleet: string,
  devices: readonly string[],
): Promise<RuleStates['states'][]> {
  const texts = (await pipelined(redis, devices, (pipeline, device) =>
    pipeline.hget(deviceKey(shardOf(fleet, device), fleet, device), 'rules'),
  )) as (string | null)[];
  return texts.map(statesIn);
}

function statesIn(text: string | null | undefined): RuleStates['states'] {
  try {
    const states: unknown = JSON.parse(text || '{}');
    return typeof states === 'object' && states !== null ? (states as RuleStates['states']) : {};
  } catch {
    return {};
  }
}
