import type { Redis } from 'ioredis';
import { ruleErrorsKey, rulesKey } from '../keys.js';
import { callFunctions } from '../redis/functions.js';

/** The latest error of a rule's current version. */
export interface RuleError {
  /** The version that failed; 0 if the record cannot be read. */
  readonly version: number;
  /** How often, in all replicas. */
  readonly count: number;
  /** Server time of the latest one, milliseconds. */
  readonly at: number;
  readonly device?: string;
  readonly message: string;
}

/** Errors of one fleet's rules since they were last recorded, by rule. */
export interface FleetErrors {
  readonly fleet: string;
  readonly errors: ReadonlyMap<string, RuleError>;
}

/** Longest message that is kept, characters. */
const MAX_MESSAGE = 500;

/** Records the latest error of each rule and adds to the counts. Errors of replaced versions are dropped. */
export async function recordRuleErrors(redis: Redis, fleets: readonly FleetErrors[]): Promise<void> {
  await callFunctions(
    redis,
    'recordRuleErrors-2',
    fleets.map(({ fleet, errors }) => ({
      keys: [rulesKey(fleet), ruleErrorsKey(fleet)],
      args: [...errors].flatMap(([rule, { version, count, at, device, message }]) => [
        rule,
        version,
        count,
        JSON.stringify({ at, device, message: message.slice(0, MAX_MESSAGE) }),
      ]),
    })),
  );
}

/** The latest error of each of these rules' current versions; rules without errors are omitted. */
export async function readRuleErrors(
  redis: Redis,
  fleet: string,
  rules: readonly string[],
): Promise<Map<string, RuleError>> {
  const texts = rules.length === 0 ? [] : await redis.hmget(ruleErrorsKey(fleet), ...rules);
  return new Map(
    rules.flatMap((rule, i) => {
      const [, version, count, json] = /^(\d+) (\d+) (.*)$/s.exec(texts[i] ?? '') ?? [];
      if (json === undefined) return [];
      const latest = JSON.parse(json) as Pick<RuleError, 'at' | 'device' | 'message'>;
      return [[rule, { version: Number(version), count: Number(count), ...latest }] as const];
    }),
  );
}
