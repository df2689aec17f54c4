import { inScope } from '@lamplighter/contracts/rules/device-scope';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { parseGroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import type { Rule } from '@lamplighter/evaluation/rule/rule';
import type { Redis } from '@lamplighter/store/redis/connect';
import { devicesInScope, readGroupStates } from '@lamplighter/store/rules/groups';
import { resetsState } from '@lamplighter/store/rules/rule-restart';
import { readManyRuleStates } from '@lamplighter/store/rules/rule-states';
import type { StoredRule } from '@lamplighter/store/rules/rules';
import { MAX_DEVICES } from './recording.js';
import type { RunBudget } from './run-budget.js';

/** Devices whose rule states are read per batch, which takes a few milliseconds to parse. */
const BATCH_SIZE = 500;

/** What would happen to a run or raised verdict if the candidate replaced the rule. */
export const FATES = ['goes_on', 'ends_in_time', 'released', 'stays'] as const;
export type Fate = (typeof FATES)[number];

/** A run or raised verdict in progress. */
export interface StartedAction {
  /** Undefined for a quorum, where the entry is about all targets. */
  readonly device: string | undefined;
  /** For a run: when it ends. */
  readonly until: number | undefined;
  readonly fate: Fate;
}

/** The candidate; undefined if the rule would be deleted. */
export interface Replacement {
  readonly rule: Rule | undefined;
  /** Whether to release what does not continue. */
  readonly release: boolean;
}

/** Finds what a rule has started and what would happen to it. Writes nothing. */
export async function findStartedActions(
  redis: Redis,
  fleet: string,
  present: StoredRule,
  replacement: Replacement,
  budget: RunBudget,
): Promise<StartedAction[]> {
  const { id, since, rule } = present;
  if (rule.quorum !== undefined) {
    const [text = ''] = await budget.wait(readGroupStates(redis, [{ fleet, rule: id }]));
    const state = parseGroupState(text)?.rule;
    return isStarted(state, since) ? [startedAction(undefined, state, present, replacement)] : [];
  }
  const names = await budget.wait(devicesInScope(redis, fleet, rule.scope.devices, MAX_DEVICES));
  const found: StartedAction[] = [];
  for (let first = 0; first < names.length; first += BATCH_SIZE) {
    const some = names.slice(first, first + BATCH_SIZE);
    for (const [i, states] of (await budget.wait(readManyRuleStates(redis, fleet, some))).entries()) {
      const state = states[id] as RuleState | undefined;
      if (isStarted(state, since)) found.push(startedAction(some[i], state, present, replacement));
    }
    if (budget.isDue()) await budget.yield();
  }
  return found;
}

function isStarted(state: RuleState | undefined, since: number): state is RuleState {
  if (state === undefined || state.since > since) return false;
  return state.runUntil !== undefined || (state.since === since && state.raised && state.first !== true);
}

function startedAction(
  device: string | undefined,
  state: RuleState,
  present: StoredRule,
  { rule: after, release }: Replacement,
): StartedAction {
  const { rule: before, since } = present;
  const isSame = after?.enabled === true && state.since === since && !resetsState(before, after);
  const continues = isSame && (device === undefined || inScope(after.scope.devices, device));
  const left = state.runUntil === undefined ? 'stays' : 'ends_in_time';
  const fate = continues ? 'goes_on' : release && before.else !== undefined ? 'released' : left;
  return { device, until: state.runUntil, fate };
}
