import { RULE_BOUNDS } from '@lamplighter/contracts/rules/rule-bounds';
import { type Rule, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import type { Redis } from 'ioredis';
import {
  RULES_OFF_KEY,
  RULES_REVISIONS_KEY,
  ruleErrorsKey,
  ruleReleasesKey,
  rulesKey,
  ruleVersionsKey,
} from '../keys.js';
import { callFunction } from '../redis/functions.js';
import { resetsState } from './rule-restart.js';

/**
 * Rules of fleets, as documents. Every write creates a new version (1, 2, 3, …, continuing after a deletion) and increments the fleet's
 * revision, so every replica of the rules service reads the rules again. Versions are never changed in place. Times are those
 * of Redis. Rules are deleted only through the API.
 */
export interface StoredRule {
  readonly id: string;
  /** Increases by 1 with every write. */
  readonly version: number;
  /**
   * Changes with each version whose evaluation or commands differ from those before, and when a rule is enabled again: states of a device
   * or group are valid only under the same `since`. It is the fleet's revision at that write.
   */
  readonly since: number;
  /** When it was written, milliseconds since 1970. */
  readonly at: number;
  /** The id of the API key that wrote it; only in the list of versions. */
  readonly key?: string;
  readonly rule: Rule;
}

/** A malformed record, which only a manual write into Redis can create. It can be replaced or deleted like any other. */
export interface UnreadableRule {
  readonly id: string;
  /** 0 if the version is unreadable, too. */
  readonly version: number;
  /** Why it cannot be read. */
  readonly unreadable: string;
}

/** Versions kept of each rule, including the current one; the oldest are pruned. */
export const RULE_VERSIONS_KEPT = 50;
/** Versions of a deleted rule are kept for 30 days, seconds. */
const DELETED_KEPT_S = 30 * 24 * 3600;
/** The field of the revisions that counts the writes of all fleets; no fleet has such a name. */
const ALL_FLEETS = '*';

/** The precondition of a write: this version is current, or no rule of this name exists. */
export type ExpectedRule = number | 'absent';

/** `changed`, `exists`: another version is current. `missing`: there is no such rule. `full`: the fleet's rule limit is reached. */
export type WriteRuleResult =
  | { readonly outcome: 'written'; readonly stored: StoredRule }
  | { readonly outcome: 'exists' | 'changed'; readonly version: number }
  | { readonly outcome: 'missing' | 'full' };

/** How a rule is written. */
export interface WriteOptions {
  /** Release what the rule has started and does not continue, with its `else`. Runs end at their promised end in any case. */
  readonly release?: boolean;
  /** The id of the API key that writes it. */
  readonly key?: string | undefined;
}

/** Writes a rule's next version. Repeating a write that replaced a version returns the same result. */
export async function writeRule(
  redis: Redis,
  fleet: string,
  rule: Rule,
  expected: ExpectedRule,
  { release = false, key = '' }: WriteOptions = {},
): Promise<WriteRuleResult> {
  const before = expected === 'absent' ? undefined : await readRule(redis, fleet, rule.id);
  const resetsStates = before === undefined || 'unreadable' in before || resetsState(before.rule, rule);
  const [outcome, detail] = (await callFunction(redis, 'writeRule-5', keysOf(fleet, rule.id), [
    fleet,
    rule.id,
    expected === 'absent' ? '' : expected,
    resetsStates ? '1' : '0',
    JSON.stringify(rule),
    RULE_BOUNDS.maxRules,
    RULE_VERSIONS_KEPT,
    release ? JSON.stringify(resetsStates || !rule.enabled ? null : rule.scope.devices) : '',
    key,
  ])) as [WriteRuleResult['outcome'], string | number];
  switch (outcome) {
    case 'written':
      return { outcome, stored: parseRule(rule.id, String(detail)) as StoredRule };
    case 'exists':
    case 'changed':
      return { outcome, version: Number(detail) };
    default:
      return { outcome };
  }
}

/** Deletes a rule of this version. */
export async function deleteRule(
  redis: Redis,
  fleet: string,
  rule: string,
  version: number,
  { release = false, key = '' }: WriteOptions = {},
): Promise<{ outcome: 'deleted' | 'changed'; version: number } | { outcome: 'missing' }> {
  const [outcome, detail] = (await callFunction(redis, 'deleteRule-5', keysOf(fleet, rule), [
    fleet,
    rule,
    version,
    RULE_VERSIONS_KEPT,
    DELETED_KEPT_S,
    release ? 'null' : '',
    key,
  ])) as ['deleted' | 'changed' | 'missing', number];
  return outcome === 'missing' ? { outcome } : { outcome, version: detail };
}

function keysOf(fleet: string, rule: string): string[] {
  return [
    rulesKey(fleet),
    ruleVersionsKey(fleet, rule),
    RULES_REVISIONS_KEY,
    ruleErrorsKey(fleet),
    ruleReleasesKey(fleet),
  ];
}

/**
 * Switches all rules of a fleet off or on. When switched on, each starts from scratch; when switched off, each ends as if disabled.
 * @returns whether anything has changed
 */
export async function switchRules(
  redis: Redis,
  fleet: string,
  isOn: boolean,
  { release = false }: WriteOptions = {},
): Promise<boolean> {
  const keys = [rulesKey(fleet), RULES_REVISIONS_KEY, RULES_OFF_KEY, ruleReleasesKey(fleet)];
  const args = [fleet, isOn ? '1' : '0', release ? '1' : '0'];
  return (await callFunction(redis, 'switchRules-4', keys, args)) === 1;
}

/** When the rules of a fleet were switched off, milliseconds since 1970; undefined if they are on. */
export async function readRulesOff(redis: Redis, fleet: string): Promise<number | undefined> {
  const since = await redis.hget(RULES_OFF_KEY, fleet);
  return since === null ? undefined : Number(since);
}

/**
 * Writes the seed rules of a fleet, unless its rules were ever written before: deleted rules do not return.
 * @returns whether it wrote them
 */
export async function seedRules(redis: Redis, fleet: string, rules: readonly Rule[]): Promise<boolean> {
  const seeded = await callFunction(
    redis,
    'seedRules-n',
    [rulesKey(fleet), RULES_REVISIONS_KEY, ...rules.map(({ id }) => ruleVersionsKey(fleet, id))],
    [fleet, ...rules.flatMap((rule) => [rule.id, JSON.stringify(rule)])],
  );
  return seeded === 1;
}

/** A consistent snapshot of all rules of a fleet. */
export interface FleetRuleTexts {
  /** How often its rules were written; undefined if they never were. */
  readonly revision: number | undefined;
  /** By id; parseRule reads them. */
  readonly texts: Readonly<Record<string, string>>;
  /** Releases by rule; parseRelease reads them. */
  readonly releases: Readonly<Record<string, string>>;
  readonly isOff: boolean;
}

export async function readRules(redis: Redis, fleet: string): Promise<FleetRuleTexts> {
  const replies = await redis
    .multi()
    .hget(RULES_REVISIONS_KEY, fleet)
    .hgetall(rulesKey(fleet))
    .hgetall(ruleReleasesKey(fleet))
    .hexists(RULES_OFF_KEY, fleet)
    .exec();
  const [revision, texts, releases, off] = (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  }) as [string | null, Record<string, string>, Record<string, string>, number];
  return {
    revision: revision === null ? undefined : Number(revision),
    texts,
    releases,
    isOff: off === 1,
  };
}

/** Whether any rule of a fleet can be a quorum; cheaper than parsing all of them. */
export async function mayHaveQuorum(redis: Redis, fleet: string): Promise<boolean> {
  const texts = await redis.hvals(rulesKey(fleet));
  return texts.some((text) => text.includes('"quorum":'));
}

/** Reads one rule; undefined if there is none. */
export async function readRule(
  redis: Redis,
  fleet: string,
  rule: string,
): Promise<StoredRule | UnreadableRule | undefined> {
  const text = await redis.hget(rulesKey(fleet), rule);
  return text === null ? undefined : parseRule(rule, text);
}

/**
 * Lists a fleet's rules by id.
 * @param after only ids after this one (the cursor)
 * @returns up to `limit` rules, and the last id if more follow
 */
export async function listRules(
  redis: Redis,
  fleet: string,
  options: { limit: number; after?: string },
): Promise<{ rules: (StoredRule | UnreadableRule)[]; next?: string }> {
  const ids = (await redis.hkeys(rulesKey(fleet))).filter((id) => id > (options.after ?? '')).sort();
  const page = ids.slice(0, options.limit);
  const texts = page.length === 0 ? [] : await redis.hmget(rulesKey(fleet), ...page);
  // One can have been deleted in the meantime.
  const rules = page.flatMap((id, i) => (texts[i] == null ? [] : [parseRule(id, texts[i])]));
  return ids.length > page.length ? { rules, next: page.at(-1)! } : { rules };
}

/** Parses a record. Never throws: a malformed rule must not affect the others. */
export function parseRule(id: string, text: string): StoredRule | UnreadableRule {
  const unreadable = (why: string): UnreadableRule => {
    return { id, version: Number(/^\{"version":(\d+),/.exec(text)?.[1] ?? 0), unreadable: why };
  };
  const [, version, since, at, key, json] =
    /^\{"version":(\d+),"since":(\d+),"at":(\d+),(?:"key":"([0-9a-f]*)",)?"rule":(.*)\}$/s.exec(text) ?? [];
  if (json === undefined) return unreadable('the stored record is not a rule');
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (error) {
    return unreadable(`the stored record is not JSON: ${(error as Error).message}`);
  }
  const rule = ruleSchema.safeParse(document);
  if (!rule.success) {
    const { path, message } = rule.error.issues[0]!;
    return unreadable(`the stored record is not a rule: /${path.map(String).join('/')}: ${message}`);
  }
  if (rule.data.id !== id) return unreadable(`the stored record is rule "${rule.data.id}"`);
  return {
    id,
    version: Number(version),
    since: Number(since),
    at: Number(at),
    ...(key !== undefined && { key }),
    rule: rule.data,
  };
}

/** Counts all writes of rules: while it is unchanged, no rule has changed. */
export function readWrites(redis: Redis): Promise<string | null> {
  return redis.hget(RULES_REVISIONS_KEY, ALL_FLEETS);
}

/** The revision of every fleet whose rules were ever written. */
export async function readRevisions(redis: Redis): Promise<Map<string, number>> {
  const revisions = await redis.hgetall(RULES_REVISIONS_KEY);
  return new Map(
    Object.entries(revisions).flatMap(([fleet, revision]) =>
      fleet === ALL_FLEETS ? [] : [[fleet, Number(revision)] as const],
    ),
  );
}
