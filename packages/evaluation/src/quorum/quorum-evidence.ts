import type { Action } from '@lamplighter/contracts/commands/command';
import { reportedValues } from '../clauses/commands/reassert.js';
import type { DeviceFacts, Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import type { Evidence } from '../evaluate/evidence.js';
import { recordDevice } from '../evaluate/recorded-device.js';
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

/** The evidence of a group's verdict, stored with each command that it led to. */
export interface GroupEvidence extends Evidence {
  /** The state of the group before the evaluation. */
  readonly group: GroupState;
  /** The count of the votes, including the first `TALLY_VOTES` of them. */
  readonly tally: Tally;
}

/** Records the inputs of a group's verdict. */
export function groupEvidenceOf(
  rule: CompiledRule,
  evaluated: EvaluatedGroup,
  votes: readonly Vote[],
  { fleet, trigger, now }: Omit<GroupMoment, 'heardAt'>,
): GroupEvidence {
  const { before, tally } = evaluated;
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

/** Whether a command was caused by a group, rather than by a device's own readings. */
export function isGroupEvidence(evidence: Evidence): evidence is GroupEvidence {
  return 'group' in evidence;
}

/** Repeats the evaluation of a group from its evidence. */
export function replayGroup(
  rule: CompiledRule,
  { group, tally, now, trigger, heardAt, device }: GroupEvidence,
): { evaluated: EvaluatedGroup; trace: Trace } {
  const trace: Trace = [];
  const moment = { fleet: device.address.fleet, trigger, now, heardAt };
  return { evaluated: evaluateTally(rule, group, tally, moment, trace), trace };
}

/** The evidence of a command that was re-asserted to one target. `state` is the state of the target. */
export interface TargetEvidence extends Evidence {
  readonly kind: 'reassert';
  /** The state of the group; stored under this name. */
  readonly standing: GroupState;
}

/**
 * Records why a command is re-asserted to a target.
 * @param memory the previous state of the target
 * @param action the re-asserted action
 */
export function targetEvidenceOf(
  rule: CompiledRule,
  group: GroupState,
  memory: RuleState | undefined,
  { reading, ageMs, heardAt }: Observation,
  device: DeviceFacts,
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
    device: recordDevice(device),
    standing: group,
  };
}

/** Whether a command was re-asserted to one target. */
export function isTargetEvidence(evidence: Evidence): evidence is TargetEvidence {
  return 'kind' in evidence && evidence.kind === 'reassert';
}

/** Repeats the re-assertion to a target from its evidence. */
export function replayTarget(
  rule: CompiledRule,
  { standing: group, state, now, ...observation }: TargetEvidence,
): { evaluated: TargetReassertion; trace: Trace } {
  const trace: Trace = [];
  return { evaluated: reassertTarget(rule, group, state, observation, now, trace), trace };
}
