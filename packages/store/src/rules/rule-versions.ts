import type { Redis } from 'ioredis';
import { ruleVersionsKey } from '../keys.js';
import { parseRule, type StoredRule, type UnreadableRule } from './rules.js';

/** The deletion of a rule, which is a version as well. */
export interface DeletedRule {
  readonly id: string;
  readonly version: number;
  readonly at: number;
  /** The id of the API key that deleted it. */
  readonly key?: string;
  readonly deleted: true;
}

export type RuleVersion = StoredRule | DeletedRule | UnreadableRule;

/** Versions of a rule, newest first, including the current one; empty if no such rule existed within 30 days. */
export async function listVersions(redis: Redis, fleet: string, rule: string): Promise<RuleVersion[]> {
  const texts = await redis.lrange(ruleVersionsKey(fleet, rule), 0, -1);
  return texts.map((text) => {
    const [, version, at, key] =
      /^\{"version":(\d+),"at":(\d+),(?:"key":"([0-9a-f]*)",)?"deleted":true\}$/.exec(text) ?? [];
    if (version === undefined) return parseRule(rule, text);
    return {
      id: rule,
      version: Number(version),
      at: Number(at),
      ...(key !== undefined && { key }),
      deleted: true,
    };
  });
}

/** One version of a rule; undefined if it is not kept. */
export async function readVersion(
  redis: Redis,
  fleet: string,
  rule: string,
  version: number,
): Promise<RuleVersion | undefined> {
  return (await listVersions(redis, fleet, rule)).find((kept) => kept.version === version);
}
