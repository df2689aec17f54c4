import { inScope } from '@lamplighter/contracts/rules/device-scope';
import { type RuleState, stateFor } from '@lamplighter/evaluation/context/rule-state';
import { type Tally, withVotes } from '@lamplighter/evaluation/quorum/quorum';
import { ballotOf, evaluateGroup, parseGroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { namesAfter } from '@lamplighter/store/devices/devices';
import type { Redis } from '@lamplighter/store/redis/connect';
import { type Group, readGroups } from '@lamplighter/store/rules/groups';
import { readManyRuleStates } from '@lamplighter/store/rules/rule-states';
import { listRules, type StoredRule } from '@lamplighter/store/rules/rules';
import { ruleStateBody } from './trace.schema.js';

/** The current verdicts of a rule, counted over its devices; of a quorum, the verdict of its group. */
export interface RuleCounts {
  readonly rule: string;
  readonly raised: number;
  readonly lowered: number;
  /** Without a verdict of the current version. */
  readonly undecided: number;
  readonly tally?: Tally;
}

/** The first devices by name are counted, at most this many. */
export const MAX_COUNTED = 20_000;
/** Devices per round trip, so that other clients of Redis wait only a few milliseconds. */
const CHUNK = 500;
const MAX_RULES = 1000;

/** Counts the verdicts of all rules of a fleet. Disabled and unreadable rules have none. */
export async function countRuleStates(
  redis: Redis,
  fleet: string,
): Promise<{ counts: RuleCounts[]; isCut: boolean }> {
  const { rules } = await listRules(redis, fleet, { limit: MAX_RULES });
  const enabled = rules.filter((one): one is StoredRule => 'rule' in one && one.rule.enabled);
  const single = enabled.filter(({ rule }) => rule.quorum === undefined);
  const [{ counts, isCut }, groups] = await Promise.all([
    countDevices(redis, fleet, single),
    countGroups(
      redis,
      fleet,
      enabled.filter(({ rule }) => rule.quorum !== undefined),
    ),
  ]);
  return { counts: [...counts, ...groups].sort((a, b) => (a.rule < b.rule ? -1 : 1)), isCut };
}

async function countDevices(redis: Redis, fleet: string, rules: readonly StoredRule[]) {
  const counts = rules.map(({ id }) => ({ rule: id, raised: 0, lowered: 0, undecided: 0 }));
  let after = '';
  for (let read = 0; rules.length > 0 && read < MAX_COUNTED; read += CHUNK) {
    const devices = await namesAfter(redis, fleet, after, CHUNK);
    const states = await readManyRuleStates(redis, fleet, devices);
    for (const [i, device] of devices.entries())
      for (const [j, { id, since, rule }] of rules.entries()) {
        if (!inScope(rule.scope.devices, device)) continue;
        const state = stateFor({ since }, ruleStateBody(states[i]![id]) as RuleState | undefined);
        counts[j]![state === undefined ? 'undecided' : state.raised ? 'raised' : 'lowered'] += 1;
      }
    if (devices.length < CHUNK) return { counts, isCut: false };
    after = devices.at(-1)!;
  }
  return { counts, isCut: rules.length > 0 };
}

async function countGroups(redis: Redis, fleet: string, rules: readonly StoredRule[]): Promise<RuleCounts[]> {
  if (rules.length === 0) return [];
  const { now, groups } = await readGroups(
    redis,
    rules.map(({ id }) => ({ fleet, rule: id })),
  );
  return rules.map(({ rule, version, since }, i) =>
    countGroup(compileRule(rule, version, since), groups[i]!, now),
  );
}

function countGroup(rule: CompiledRule, group: Group, now: number): RuleCounts {
  const before = parseGroupState(group.state);
  const moment = { fleet: group.fleet, trigger: 'timer', now, listeningSince: 0 } as const;
  // The stored state can be of a newer version than the rule that was read just before.
  const { tally } =
    evaluateGroup(rule, before, group.votes, moment, []) ??
    evaluateGroup(rule, undefined, group.votes, moment, [])!;
  const raised = stateFor(rule, before?.rule)?.raised;
  return {
    rule: rule.id,
    raised: raised === true ? 1 : 0,
    lowered: raised === false ? 1 : 0,
    undecided: raised === undefined ? 1 : 0,
    tally: withVotes(tally, ballotOf(rule), group.votes, now),
  };
}
