import type { Redis } from 'ioredis';
import { deviceKey, shardOf } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';

/** The rule states of one device. */
export interface RuleStates {
  /** By rule; empty before the first verdict. */
  readonly states: Readonly<Record<string, unknown>>;
  /** The device has published a birth, so it acknowledges commands. */
  readonly announced: boolean;
}

/** Reads the rule states of a device. Unreadable states count as none. */
export async function readRuleStates(redis: Redis, fleet: string, device: string): Promise<RuleStates> {
  const [rules, session] = await redis.hmget(
    deviceKey(shardOf(fleet, device), fleet, device),
    'rules',
    'session',
  );
  return { states: statesIn(rules), announced: Boolean(session) };
}

/** Reads the rule states of many devices in one round trip. */
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
