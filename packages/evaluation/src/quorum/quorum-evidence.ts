import type { Action } from '@lamplighter/contracts/commands/command';
import { reportedValues } from '../clauses/commands/reassert.js';
import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import type { Evidence } from '../evaluate/evidence.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import { type Tally, type Vote, withVotes } from './quorum.js';
import {
  ballotOf,
  type EvaluatedGroup,
  evaluateTally,
  type GroupMoment,
  type GroupState,
} from './quorum-group.js';
import { reassertTarget, type TargetReassertion } from './quorum-target.js';

/** All that a group's verdict was made of, recorded with each of the commands that it led to. */
export interface GroupEvidence extends Evidence {
  /** What was remembered of the group before. */
  readonly group: GroupState;
  /** How the votes were counted, with the first of them by name. */
  readonly tally: Tally;
}

/** Records what a group's verdict is made of. */
export function groupEvidenceOf(
  rule: CompiledRule,
  judged: EvaluatedGroup,
  votes: readonly Vote[],
  { fleet, trigger, now }: Omit<GroupMoment, 'heardAt'>,
): GroupEvidence {
  const { before, tally } = judged;
  const { verdict, value } = tally;
  return {
    version: rule.version,
    since: rule.since,
    now,
    trigger,
    ...(before.rule !== undefined && { state: before.rule }),
    reading: {},
    ...(verdict !== undefined && { verdict }),
    ...(value !== undefined && { value }),
    ageMs: 0,
    heardAt: votes.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0),
    device: { address: { fleet, device: '' }, answers: true, lesson: false },
    group: before,
    tally: withVotes(tally, ballotOf(rule), votes, now),
  };
}

/** Whether a command was caused by a group, and not by a device's own readings. */
export function isGroupEvidence(evidence: Evidence): evidence is GroupEvidence {
  return 'group' in evidence;
}

/** Judges once more what was counted then. */
export function replayGroup(
  rule: CompiledRule,
  { group, tally, now, trigger, heardAt, device }: GroupEvidence,
): { evaluated: EvaluatedGroup; trace: Trace } {
  const trace: Trace = [];
  const moment = { fleet: device.address.fleet, trigger, now, heardAt };
  return { evaluated: evaluateTally(rule, group, tally, moment, trace), trace };
}

/** All that it was made of that one target was told again what its group had decided. `state` is what the target remembered. */
export interface TargetEvidence extends Evidence {
  readonly kind: 'reassert';
  /** What was remembered of the group. */
  readonly standing: GroupState;
}

/**
 * Records why a target is told again.
 * @param memory of the target, before
 * @param action that it is told
 */
export function targetEvidenceOf(
  rule: CompiledRule,
  standing: GroupState,
  memory: RuleState | undefined,
  { reading, ageMs, heardAt }: Observation,
  { address: { fleet, device }, answers, lesson, startedAt }: DeviceFacts,
  action: Action,
  now: number,
): TargetEvidence {
  return {
    kind: 'reassert',
    version: rule.version,
    since: rule.since,
    now,
    trigger: 'reading',
    ...(memory !== undefined && { state: memory }),
    reading: reportedValues(action, reading),
    ageMs,
    heardAt,
    device: { address: { fleet, device }, answers, lesson, startedAt },
    standing,
  };
}

/** Whether a command tells one target again what its group had decided. */
export function isTargetEvidence(evidence: Evidence): evidence is TargetEvidence {
  return 'kind' in evidence && evidence.kind === 'reassert';
}

/** Judges once more what the target reported then. */
export function replayTarget(
  rule: CompiledRule,
  { standing, state, now, ...observation }: TargetEvidence,
): { evaluated: TargetReassertion; trace: Trace } {
  const trace: Trace = [];
  return { evaluated: reassertTarget(rule, standing, state, observation, now, trace), trace };
}
