import { effectSentence } from '@lamplighter/evaluation/clauses/commands/effect';
import { pastPromisedEndSentence } from '@lamplighter/evaluation/clauses/commands/run';
import { duration, listed } from '@lamplighter/evaluation/clauses/definition/sentences';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import {
  type EndEvidence,
  isEndEvidence,
  type RuleEndReason,
} from '@lamplighter/evaluation/evaluate/promised-end';
import { explain } from '@lamplighter/evaluation/explanation/explain';
import { isGroupEvidence, isTargetEvidence } from '@lamplighter/evaluation/quorum/quorum-evidence';
import { explainTally } from '@lamplighter/evaluation/quorum/quorum-sentences';
import type { Command } from '@lamplighter/store/commands/read-commands';
import type { Rollout } from '@lamplighter/store/rollouts/rollouts';
import { isoTime } from '../responses/iso-time.js';
import { explainDelivery } from './explain-delivery.js';
import { type Replayed, tallyIn } from './recorded-evidence.js';

/** What is known about the cause of a command. */
export interface Origin {
  readonly evidence?: Evidence | undefined;
  readonly replayed?: Replayed | undefined;
  readonly rollout?: Rollout | undefined;
}

/** Explains why a command was issued and what happened to it. */
export function explainCommand(command: Command, origin: Origin): string[] {
  return [
    ...causeSentences(command, origin),
    ...explainDelivery(command),
    ...(command.effect === undefined ? [] : [effectSentence(command.effect)]),
  ];
}

function causeSentences(command: Command, { evidence, replayed, rollout }: Origin): string[] {
  const { device, action, createdAt } = command;
  const what = `issued ${JSON.stringify(action)} for ${device} at ${isoTime(createdAt)}`;
  switch (command.source) {
    case 'api':
      return [`an API client ${what}`];
    case 'rollout': {
      const begun =
        rollout === undefined ? 'which has been pruned' : `started at ${isoTime(rollout.startedAt)}`;
      return [`rollout ${command.rollout}, ${begun}, ${what}`];
    }
    case 'rule':
      if (evidence === undefined) return [`rule "${command.rule}" ${what}`, 'its evidence was not recorded'];
      return [
        `rule "${command.rule}", version ${evidence.version}, ${what}`,
        ...evidenceSentences(evidence),
        ...(replayed?.trace === undefined ? valueSentences(evidence) : explain(replayed.trace)),
        ...(replayed?.problem === undefined ? [] : [replayed.problem]),
      ];
  }
}

/** What was evaluated, and what the rule had decided before. */
function evidenceSentences(evidence: Evidence): string[] {
  const { trigger, device, now, state, ageMs, heardAt } = evidence;
  const { device: name } = device.address;
  if (isEndEvidence(evidence)) return endSentences(evidence);
  if (isTargetEvidence(evidence)) {
    const { toldAt = now } = evidence.standing;
    const issued = `the group that commands ${name} had issued this action ${duration(Math.max(0, now - toldAt))} earlier, at ${isoTime(toldAt)}`;
    const again =
      state?.repeats === undefined ? [] : [`since then it had been re-asserted ${state.repeats} times`];
    return [`it checked a reading of ${name} on arrival`, issued, ...again];
  }
  const before =
    state === undefined
      ? 'it had no verdict before'
      : `before that, it had been ${state.raised ? 'raised' : 'lowered'} for ${duration(now - state.at)}, since ${isoTime(state.at)}`;
  const promises = promisedEndSentences(state);
  if (isGroupEvidence(evidence)) {
    const cause = trigger === 'timer' ? 'by timer' : 'on a new vote';
    return [
      `it counted the votes of its sensors, ${cause}`,
      ...explainTally(tallyIn(evidence)!),
      before,
      ...promises,
    ];
  }
  if (trigger === 'reading') return [`it evaluated a reading of ${name} on arrival`, before, ...promises];
  return [
    `it evaluated the last reading of ${name} again, by timer, ${duration(ageMs)} after it arrived; ` +
      `the last message of the device had arrived ${duration(Math.max(0, now - heardAt))} earlier`,
    before,
    ...promises,
  ];
}

/** The promised end of a run, and the version that promised it. */
function promisedEndSentences(state: RuleState | undefined): string[] {
  if (state?.runUntil === undefined || state.ends === undefined) return [];
  return [pastPromisedEndSentence(state.runUntil, state.ends)];
}

const END_REASONS: Readonly<Record<RuleEndReason, string>> = {
  changed: 'another version of the rule has replaced that one',
  disabled: 'the rule was disabled in the meantime',
  deleted: 'the rule was deleted in the meantime',
  out_of_scope: 'the device left the scope of the rule in the meantime',
  rules_off: 'the rules of the fleet were switched off in the meantime',
};

/** Why a run or verdict of a version of a rule was ended. */
function endSentences({ by, end, departure, state, now }: EndEvidence): string[] {
  const what = state?.runUntil === undefined ? 'raised the rule' : 'started a run';
  const began =
    state === undefined ? '' : ` ${duration(Math.max(0, now - state.at))} earlier, at ${isoTime(state.at)}`;
  const released =
    by === 'release' ? ['that change was requested with release, which ends it immediately'] : [];
  return [
    `version ${end.version} had ${what}${began}`,
    ...promisedEndSentences(state),
    END_REASONS[departure],
    ...released,
  ];
}

/** The recorded values, if the clauses that contain them are unavailable. */
function valueSentences({ reading, last, windows, value }: Evidence): string[] {
  const valuesOf = (what: string, values: Evidence['reading'] = {}) => {
    const list = listed(values);
    return list === '' ? [] : [`${what}, ${list}`];
  };
  return [
    ...valuesOf('in the reading', reading),
    ...valuesOf('in the previous reading', last),
    ...valuesOf('over time', windows),
    ...valuesOf('in the group', value === undefined ? {} : { value }),
  ];
}
