import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import {
  type Departure,
  type EndEvidence,
  isEndEvidence,
} from '@lamplighter/evaluation/evaluate/promised-end';
import { duration, explain, rounded } from '@lamplighter/evaluation/explanation/explain';
import { isGroupEvidence, isTargetEvidence } from '@lamplighter/evaluation/quorum/quorum-evidence';
import type { RuleState } from '@lamplighter/evaluation/rule/rule-state';
import type { CommandEffect } from '@lamplighter/store/commands/effect-record';
import type { Command } from '@lamplighter/store/commands/read-commands';
import type { Rollout } from '@lamplighter/store/rollouts/rollouts';
import { isoTime } from '../iso-time.js';
import { deliverySentences } from './delivery-story.js';
import { type Replayed, tallyIn } from './recorded-evidence.js';
import { tallySentences } from './tally-story.js';

/** What is known of where a command came from. */
export interface Origin {
  readonly evidence?: Evidence | undefined;
  readonly replayed?: Replayed | undefined;
  readonly rollout?: Rollout | undefined;
}

/** Tells why there is a command and what became of it, one sentence after the other. */
export function commandSentences(command: Command, origin: Origin): string[] {
  return [
    ...causeSentences(command, origin),
    ...deliverySentences(command),
    ...(command.effect === undefined ? [] : [effectSentence(command.effect)]),
  ];
}

function causeSentences(command: Command, { evidence, replayed, rollout }: Origin): string[] {
  const { device, action, createdAt } = command;
  const what = `${JSON.stringify(action)} to ${device} at ${isoTime(createdAt)}`;
  switch (command.source) {
    case 'api':
      return [`somebody with an API key commanded ${what}, over REST`];
    case 'rollout': {
      const begun =
        rollout === undefined ? 'which is no longer kept' : `begun at ${isoTime(rollout.startedAt)}`;
      return [`rollout ${command.rollout}, ${begun}, commanded ${what}`];
    }
    case 'rule':
      if (evidence === undefined)
        return [`rule "${command.rule}" commanded ${what}`, 'what it was decided on was not recorded'];
      return [
        `rule "${command.rule}", version ${evidence.version}, commanded ${what}`,
        ...evidenceSentences(evidence),
        ...(replayed?.trace === undefined ? valueSentences(evidence) : explain(replayed.trace)),
        ...(replayed?.problem === undefined ? [] : [replayed.problem]),
      ];
  }
}

/** What was looked at, and what the rule had decided before. */
function evidenceSentences(evidence: Evidence): string[] {
  const { trigger, device, now, state, ageMs, heardAt } = evidence;
  const { device: name } = device.address;
  if (isEndEvidence(evidence)) return endSentences(evidence);
  if (isTargetEvidence(evidence)) {
    const { toldAt = now } = evidence.standing;
    const told = `the group of which ${name} is a target had commanded so ${duration(Math.max(0, now - toldAt))} before, at ${isoTime(toldAt)}`;
    const again =
      state?.repeats === undefined
        ? []
        : [`since then it had been told again, ${state.repeats} times so far`];
    return [`it looked at a reading of ${name} as it came`, told, ...again];
  }
  const before =
    state === undefined
      ? 'it had decided nothing before'
      : `before, it had been ${state.raised ? 'raised' : 'lowered'} for ${duration(now - state.at)}, since ${isoTime(state.at)}`;
  const promises = promiseSentences(state);
  if (isGroupEvidence(evidence)) {
    const asked = trigger === 'timer' ? 'by timer' : 'as a sensor had spoken';
    return [
      `it counted the votes of its sensors, ${asked}`,
      ...tallySentences(tallyIn(evidence)!),
      before,
      ...promises,
    ];
  }
  if (trigger === 'reading') return [`it judged a reading of ${name} as it came`, before, ...promises];
  return [
    `it judged the last reading of ${name} once more, by timer, ${duration(ageMs)} after it came; ` +
      `the device had been heard ${duration(Math.max(0, now - heardAt))} before`,
    before,
    ...promises,
  ];
}

/** Which version has promised to end a run, and how. */
function promiseSentences(state: RuleState | undefined): string[] {
  if (state?.runUntil === undefined || state.ends === undefined) return [];
  const { version, action } = state.ends;
  return [
    `version ${version} had promised to end the run at ${isoTime(state.runUntil)} with ${JSON.stringify(action)}`,
  ];
}

const DEPARTURES: Readonly<Record<Departure, string>> = {
  changed: 'the rule was replaced by another version meanwhile',
  disabled: 'the rule was disabled meanwhile',
  deleted: 'the rule was deleted meanwhile',
  out_of_scope: 'the device left the scope of the rule meanwhile',
  rules_off: 'the rules of the fleet were switched off meanwhile',
};

/** Why something was ended that a version of a rule had started. */
function endSentences({ by, end, departure, state, now }: EndEvidence): string[] {
  const what = state?.runUntil === undefined ? 'raised the rule' : 'started a run';
  const began =
    state === undefined ? '' : ` ${duration(Math.max(0, now - state.at))} before, at ${isoTime(state.at)}`;
  const released =
    by === 'release' ? ['whoever did that asked for it to be taken back at once (release)'] : [];
  return [
    `version ${end.version} had ${what}${began}`,
    ...promiseSentences(state),
    DEPARTURES[departure],
    ...released,
  ];
}

/** The recorded values, where the clauses that would tell them are not known. */
function valueSentences({ reading, last, windows, value }: Evidence): string[] {
  const told = (what: string, values: Readonly<Record<string, unknown>> = {}) => {
    const list = Object.entries(values).map(([name, one]) => `${name} was ${text(one)}`);
    return list.length === 0 ? [] : [`${what} ${list.join(', ')}`];
  };
  return [
    ...told('of the reading', reading),
    ...told('of the reading before', last),
    ...told('over time', windows),
    ...told('of the group', value === undefined ? {} : { value }),
  ];
}

/** A measurement in words, short. */
export function text(value: unknown): string {
  if (typeof value === 'number') return rounded(value);
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}

function effectSentence({ outcome, expect, withinMs, at }: CommandEffect): string {
  const asked = `"${expect}" within ${duration(withinMs)}`;
  switch (outcome) {
    case 'pending':
      return `whether it has the expected effect, ${asked}, is not known yet`;
    case 'effective':
      return `it had the expected effect, ${asked}${at === undefined ? '' : `: a reading showed it, found at ${isoTime(at)}`}`;
    case 'ineffective':
      return `it did not have the expected effect, ${asked}: readings came, and none showed it`;
    case 'unmeasured':
      return `whether it had the expected effect, ${asked}, nobody can know`;
  }
}
