import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import { promisedEndSentence } from '@lamplighter/evaluation/clauses/commands/run';
import { HYSTERESIS_SENTENCE } from '@lamplighter/evaluation/clauses/conditions/when';
import { duration, valueText } from '@lamplighter/evaluation/clauses/definition/sentences';
import type { Clause, Trace } from '@lamplighter/evaluation/context/trace';
import { explain } from '@lamplighter/evaluation/explanation/explain';
import { explainTally, voteText } from '@lamplighter/evaluation/quorum/quorum-sentences';
import type { Command } from '@lamplighter/store/commands/read-commands';
import { isoTime } from '../responses/iso-time.js';
import type { GroupVerdict } from './group-verdict.js';
import type { RuleVerdict } from './rule-verdict.js';

/** The rule and device to explain. */
export interface VerdictSubject {
  readonly rule: string;
  readonly device: string;
  readonly now: number;
  /** The last state. */
  readonly last?: { readonly receivedAt: number; readonly reading: Readonly<Record<string, Measurement>> };
  /** The last command of the rule to the device. */
  readonly command?: Command | undefined;
}

/** Explains the verdict of a rule on a device, and the clauses that keep it. */
export function explainVerdict(verdict: RuleVerdict, subject: VerdictSubject): string[] {
  const { device, last, now } = subject;
  if (isOff(verdict)) return [headline(verdict, subject), ...runSentence(verdict)];
  const state =
    last === undefined
      ? `no live reading of ${device} is stored`
      : `its last reading arrived ${duration(Math.max(0, now - last.receivedAt))} ago${measurementList(last.reading)}`;
  const { trace, whenNew, between = [], evaluated } = verdict;
  return [
    headline(verdict, subject),
    state,
    ...explain(withoutIssuedCommands(trace)),
    ...(whenNew === undefined
      ? []
      : explain(withoutIssuedCommands(whenNew)).map((sentence) => `on arrival: ${sentence}`)),
    ...explain(between),
    ...(between.length === 0 ? [] : [HYSTERESIS_SENTENCE]),
    ...runSentence(verdict),
    ...outlookSentences(verdict),
    ...(evaluated.emit === undefined
      ? []
      : [`its next reading would send ${JSON.stringify(evaluated.emit)}`]),
    ...commandSentence(subject),
  ];
}

/** The same for a quorum. */
export function explainGroupVerdict(verdict: GroupVerdict, subject: VerdictSubject): string[] {
  if (isOff(verdict)) return [headline(verdict, subject), ...runSentence(verdict)];
  const { vote, votes, isTarget, tally, trace } = verdict;
  const { device, now } = subject;
  const part = isTarget
    ? votes
      ? 'votes in it and is one of its targets'
      : 'is one of its targets'
    : 'only votes in it';
  const own =
    vote === undefined
      ? `${device} has not voted`
      : `${device} voted ${voteText(tally, vote.value)}, ${duration(Math.max(0, now - vote.receivedAt))} ago`;
  return [
    headline(verdict, subject),
    `the rule counts the votes of a group; ${device} ${part}`,
    ...(votes ? [own] : []),
    ...explainTally(tally),
    ...explain(withoutIssuedCommands(trace)),
    ...runSentence(verdict),
    ...outlookSentences(verdict),
    ...commandSentence(subject),
  ];
}

function isOff({ outcome }: RuleVerdict): boolean {
  return outcome === 'disabled' || outcome === 'out_of_scope' || outcome === 'rules_off';
}

function headline({ outcome, since, keptBy }: RuleVerdict, { rule, device, now }: VerdictSubject): string {
  const lasting =
    since === undefined ? '' : ` since ${isoTime(since)} (${duration(Math.max(0, now - since))})`;
  const clauses = keptBy.length === 0 ? '' : `; kept by: ${keptBy.join(', ')}`;
  switch (outcome) {
    case 'disabled':
      return `rule "${rule}" is disabled`;
    case 'rules_off':
      return `the rules of this fleet are switched off, so rule "${rule}" is not evaluated`;
    case 'out_of_scope':
      return `${device} is not in the scope of rule "${rule}"`;
    case 'raised':
      return `rule "${rule}" is raised for ${device}${lasting}${clauses}`;
    case 'lowered':
      return `rule "${rule}" is lowered for ${device}${lasting}${clauses}`;
    default:
      return `rule "${rule}" has no verdict for ${device} yet${clauses}`;
  }
}

/** The clauses without those that issue commands, since none is issued here. */
function withoutIssuedCommands(trace: Trace): Trace {
  const not: readonly Clause[] = ['emit', 'reassert'];
  return trace.filter(({ clause }) => !not.includes(clause));
}

function runSentence({ run }: RuleVerdict): string[] {
  return run?.ends === undefined ? [] : [promisedEndSentence(run.until, run.ends)];
}

function outlookSentences({ evaluated: { wakeAt, error } }: RuleVerdict): string[] {
  return [
    ...(error === undefined ? [] : [`the evaluation failed: ${error}`]),
    ...(wakeAt === undefined
      ? []
      : [`without another reading, the rule is evaluated again at ${isoTime(wakeAt)}`]),
  ];
}

function commandSentence({ command, rule }: VerdictSubject): string[] {
  if (command === undefined) return [`no command of rule "${rule}" for it is stored`];
  const { id, action, state, createdAt } = command;
  return [
    `its last command, ${JSON.stringify(action)} at ${isoTime(createdAt)}, is ${state}; see /v1/commands/${id}/why`,
  ];
}

function measurementList(reading: Readonly<Record<string, Measurement>>): string {
  const names = Object.entries(reading).slice(0, 8);
  if (names.length === 0) return '';
  const list = names.map(([name, value]) => `${name} ${valueText(value)}`);
  return `: ${list.join(', ')}`;
}
