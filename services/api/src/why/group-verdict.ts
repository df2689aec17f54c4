import { inScope } from '@lamplighter/contracts/rules/device-scope';
import { stateFor } from '@lamplighter/evaluation/context/rule-state';
import type { Trace } from '@lamplighter/evaluation/context/trace';
import { obstacles } from '@lamplighter/evaluation/explanation/explain';
import { type Tally, type Vote, withVotes } from '@lamplighter/evaluation/quorum/quorum';
import {
  ballotOf,
  evaluateGroup,
  type GroupState,
  parseGroupState,
} from '@lamplighter/evaluation/quorum/quorum-group';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { Group } from '@lamplighter/store/rules/groups';
import { type RuleVerdict, runIn, storedVerdict } from './rule-verdict.js';

/** The verdict of a quorum rule, and the role of a device in its group. */
export interface GroupVerdict extends RuleVerdict {
  readonly state: GroupState;
  readonly tally: Tally;
  /** The vote of the device, if it has one that counts for this version of the rule. */
  readonly vote?: Vote;
  readonly votes: boolean;
  readonly isTarget: boolean;
}

/** Evaluates a quorum rule on the current votes of its group. Writes nothing. */
export function evaluateGroupNow(
  rule: CompiledRule,
  group: Group,
  device: string,
  now: number,
): GroupVerdict {
  const before = parseGroupState(group.state);
  const { fleet } = group;
  const trace: Trace = [];
  const moment = { fleet, trigger: 'timer', now, listeningSince: 0 } as const;
  // A group state of a newer version was written after the rule was read; evaluate this version from scratch.
  const evaluation =
    evaluateGroup(rule, before, group.votes, moment, trace) ??
    evaluateGroup(rule, undefined, group.votes, moment, trace)!;
  const raised = stateFor(rule, evaluation.before.rule)?.raised;
  const votes = inScope(rule.scope, device);
  const isTarget = inScope(rule.target ?? rule.scope, device);
  const vote = group.votes.find((one) => one.device === device && one.since === rule.since);
  const { wakeAt, emit, raise, result, error, tally } = evaluation;
  return {
    ...storedVerdict(rule, before?.rule, votes || isTarget),
    keptBy: [...new Set(obstacles(trace, raised).map(({ clause }) => clause))],
    trace,
    evaluated: {
      state: evaluation.state.rule,
      emit,
      raise,
      result,
      ...(wakeAt !== undefined && { wakeAt }),
      ...(error !== undefined && { error }),
    },
    ...runIn(before?.rule),
    state: before ?? evaluation.state,
    tally: withVotes(tally, ballotOf(rule), group.votes, now),
    ...(vote !== undefined && { vote }),
    votes,
    isTarget,
  };
}
