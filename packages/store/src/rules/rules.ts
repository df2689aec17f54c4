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
import { runScript } from '../redis/script.js';
import { resetsState } from './rule-restart.js';

/**
 * Rules of fleets, as documents. Every write makes a new version (1, 2, 3, …, going on after a deletion) and bumps the fleet's
 * revision, by which every replica of the rules service sees that there is something to read. Nothing is ever changed in place.
 * Clock: that of Redis. Whoever may call the API deletes rules; nothing else does.
 */
export interface StoredRule {
  readonly id: string;
  /** Grows by 1 with every write. */
  readonly version: number;
  /**
   * Changes with each version that judges or commands otherwise than the one before, or was switched on again: what a rule
   * remembers of a device (or a group) holds only under the same `since`. It is the fleet's revision at that write.
   */
  readonly since: number;
  /** When it was written, milliseconds since 1970. */
  readonly at: number;
  readonly rule: Rule;
}

/** A record that is none; only somebody who wrote into Redis by hand makes one. It may be replaced or deleted like any other. */
export interface UnreadableRule {
  readonly id: string;
  /** As far as it can be read; 0 if not even that can. */
  readonly version: number;
  /** Why it cannot be read. */
  readonly unreadable: string;
}

/** Versions kept of each rule, the present one among them; the oldest make room. */
export const RULE_VERSIONS_KEPT = 50;
/** Versions of a deleted rule are kept for 30 days, seconds. */
const DELETED_KEPT_S = 30 * 24 * 3600;
/** The field of the revisions that counts the writes of all fleets; no fleet has such a name. */
const ALL_FLEETS = '*';

/** What must be there for a write to happen: this version, or no rule of this name. */
export type ExpectedRule = number | 'absent';

/** `changed`, `exists`: another version is there. `missing`: there is none. `full`: the fleet has as many rules as it may. */
export type WriteRuleResult =
  | { readonly outcome: 'written'; readonly stored: StoredRule }
  | { readonly outcome: 'exists' | 'changed'; readonly version: number }
  | { readonly outcome: 'missing' | 'full' };

/** How a rule is written. */
export interface WriteOptions {
  /** What it has started, and does not go on with, is to be taken back by its `else`. Runs are ended in any case, in their time. */
  readonly release?: boolean;
}

/** Writes a rule's next version. Repeating a write that replaced a version gives its result again. */
export async function writeRule(
  redis: Redis,
  fleet: string,
  rule: Rule,
  expected: ExpectedRule,
  { release = false }: WriteOptions = {},
): Promise<WriteRuleResult> {
  const before = expected === 'absent' ? undefined : await readRule(redis, fleet, rule.id);
  const isAnew = before === undefined || 'unreadable' in before || resetsState(before.rule, rule);
  const [outcome, detail] = (await runScript(redis, 'writeRule-5', keysOf(fleet, rule.id), [
    fleet,
    rule.id,
    expected === 'absent' ? '' : expected,
    isAnew ? '1' : '0',
    JSON.stringify(rule),
    RULE_BOUNDS.maxRules,
    RULE_VERSIONS_KEPT,
    release ? JSON.stringify(isAnew || !rule.enabled ? null : rule.scope.devices) : '',
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
  { release = false }: WriteOptions = {},
): Promise<{ outcome: 'deleted' | 'changed'; version: number } | { outcome: 'missing' }> {
  const [outcome, detail] = (await runScript(redis, 'deleteRule-5', keysOf(fleet, rule), [
    fleet,
    rule,
    version,
    RULE_VERSIONS_KEPT,
    DELETED_KEPT_S,
    release ? 'null' : '',
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
 * Switches all rules of a fleet off, or on again; then each begins from scratch. What they have started ends as if each were disabled.
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
  return (await runScript(redis, 'switchRules-4', keys, args)) === 1;
}

/** Since when the rules of a fleet are switched off, milliseconds since 1970; undefined if they are on. */
export async function readRulesOff(redis: Redis, fleet: string): Promise<number | undefined> {
  const since = await redis.hget(RULES_OFF_KEY, fleet);
  return since === null ? undefined : Number(since);
}

/**
 * Gives a fleet the rules that it begins with, unless its rules were ever written before: what somebody deleted does not come
 * back. @returns whether it did
 */
export async function seedRules(redis: Redis, fleet: string, rules: readonly Rule[]): Promise<boolean> {
  const seeded = await runScript(
    redis,
    'seedRules-n',
    [rulesKey(fleet), RULES_REVISIONS_KEY, ...rules.map(({ id }) => ruleVersionsKey(fleet, id))],
    [fleet, ...rules.flatMap((rule) => [rule.id, JSON.stringify(rule)])],
  );
  return seeded === 1;
}

/** All rules of a fleet as one moment had them. */
export interface FleetRuleTexts {
  /** How often its rules were written; undefined if they never were. */
  readonly revision: number | undefined;
  /** By id; parseRule reads them. */
  readonly texts: Readonly<Record<string, string>>;
  /** What is to be taken back, by rule; parseRelease reads it. */
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

/** Whether any rule of a fleet may be a quorum; cheaper than to read them all by what they mean. */
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
  // One may have been deleted meanwhile.
  const rules = page.flatMap((id, i) => (texts[i] == null ? [] : [parseRule(id, texts[i])]));
  return ids.length > page.length ? { rules, next: page.at(-1)! } : { rules };
}

/** Reads a record, and never throws: one broken rule is nothing to the others. */
export function parseRule(id: string, text: string): StoredRule | UnreadableRule {
  const unreadable = (why: string): UnreadableRule => {
    return { id, version: Number(/^\{"version":(\d+),/.exec(text)?.[1] ?? 0), unreadable: why };
  };
  const [, version, since, at, json] =
    /^\{"version":(\d+),"since":(\d+),"at":(\d+),"rule":(.*)\}$/s.exec(text) ?? [];
  if (json === undefined) return unreadable('the stored record is no rule');
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (error) {
    return unreadable(`the stored record is no JSON: ${(error as Error).message}`);
  }
  const rule = ruleSchema.safeParse(document);
  if (!rule.success) {
    const { path, message } = rule.error.issues[0]!;
    return unreadable(`the stored record is no rule: /${path.map(String).join('/')}: ${message}`);
  }
  if (rule.data.id !== id) return unreadable(`the stored record is rule "${rule.data.id}"`);
  return { id, version: Number(version), since: Number(since), at: Number(at), rule: rule.data };
}

/** How often the rules of any fleet were written: cheap to ask, and if it is the same nothing has changed. */
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
