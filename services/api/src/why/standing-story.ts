import type { Clause, Trace } from '@lamplighter/evaluation/evaluate/trace';
import { duration, explain, rounded } from '@lamplighter/evaluation/explanation/explain';
import type { Command } from '@lamplighter/store/commands/read-commands';
import { isoTime } from '../iso-time.js';
import { text } from './command-story.js';
import type { GroupStanding } from './group-standing.js';
import type { Standing } from './standing.js';
import { tallySentences, voteText } from './tally-story.js';

/** Who is asked about. */
export interface Asked {
  readonly rule: string;
  readonly device: string;
  readonly now: number;
  /** The last state. */
  readonly last?: { readonly receivedAt: number; readonly reading: Readonly<Record<string, unknown>> };
  /** The last command of the rule to the device. */
  readonly command?: Command | undefined;
}

/** Tells how a rule stands on a device, and which clauses keep it there. */
export function standingSentences(standing: Standing, asked: Asked): string[] {
  const { device, last, now } = asked;
  if (isOff(standing)) return [headline(standing, asked), ...runSentence(standing)];
  const state =
    last === undefined
      ? `no live reading of ${device} is known`
      : `its last reading came ${duration(Math.max(0, now - last.receivedAt))} ago${listed(last.reading)}`;
  const { trace, whenNew, between = [], evaluated } = standing;
  return [
    headline(standing, asked),
    state,
    ...explain(looks(trace)),
    ...(whenNew === undefined ? [] : explain(looks(whenNew)).map((said) => `when it came: ${said}`)),
    ...explain(between),
    ...(between.length === 0 ? [] : ['between the two nothing changes (hysteresis)']),
    ...runSentence(standing),
    ...prospects(standing),
    ...(evaluated.emit === undefined
      ? []
      : [`at its next reading ${JSON.stringify(evaluated.emit)} would be commanded`]),
    ...commandSentence(asked),
  ];
}

/** The same of a quorum. */
export function groupSentences(standing: GroupStanding, asked: Asked): string[] {
  if (isOff(standing)) return [headline(standing, asked), ...runSentence(standing)];
  const { vote, votes, isTarget, tally, trace } = standing;
  const { device, now } = asked;
  const part = isTarget
    ? votes
      ? 'votes in it and is commanded by it'
      : 'is commanded by it'
    : 'only votes in it';
  const own =
    vote === undefined
      ? `${device} has not voted`
      : `${device} said ${voteText(tally, vote.value)}, ${duration(Math.max(0, now - vote.receivedAt))} ago`;
  return [
    headline(standing, asked),
    `the rule counts the votes of a group; ${device} ${part}`,
    ...(votes ? [own] : []),
    ...tallySentences(tally),
    ...explain(looks(trace)),
    ...runSentence(standing),
    ...prospects(standing),
    ...commandSentence(asked),
  ];
}

function isOff({ outcome }: Standing): boolean {
  return outcome === 'disabled' || outcome === 'out_of_scope' || outcome === 'rules_off';
}

function headline({ outcome, since, keptBy }: Standing, { rule, device, now }: Asked): string {
  const lasting =
    since === undefined ? '' : ` since ${isoTime(since)} (${duration(Math.max(0, now - since))})`;
  const clauses = keptBy.length === 0 ? '' : `; what keeps it so: ${keptBy.join(', ')}`;
  switch (outcome) {
    case 'disabled':
      return `rule "${rule}" is disabled`;
    case 'rules_off':
      return `rules are off for this fleet, so rule "${rule}" judges nothing`;
    case 'out_of_scope':
      return `${device} is not in the scope of rule "${rule}"`;
    case 'raised':
      return `rule "${rule}" is raised for ${device}${lasting}${clauses}`;
    case 'lowered':
      return `rule "${rule}" is lowered for ${device}${lasting}${clauses}`;
    default:
      return `rule "${rule}" has not decided anything for ${device} yet${clauses === '' ? '' : `; what keeps it from it: ${keptBy.join(', ')}`}`;
  }
}

/** What the clauses said, without what would be commanded: nothing is. */
function looks(trace: Trace): Trace {
  const not: readonly Clause[] = ['emit', 'reassert'];
  return trace.filter(({ clause }) => !not.includes(clause));
}

function runSentence({ run }: Standing): string[] {
  if (run?.ends === undefined) return [];
  const { version, action } = run.ends;
  return [
    `a run that version ${version} has started ends at ${isoTime(run.until)} with ${JSON.stringify(action)}`,
  ];
}

function prospects({ evaluated: { wakeAt, error } }: Standing): string[] {
  return [
    ...(error === undefined ? [] : [`it could not be judged: ${error}`]),
    ...(wakeAt === undefined ? [] : [`without another reading it is looked at again at ${isoTime(wakeAt)}`]),
  ];
}

function commandSentence({ command, rule }: Asked): string[] {
  if (command === undefined) return [`no command of rule "${rule}" to it is kept`];
  const { id, action, state, createdAt } = command;
  return [
    `its last command, ${JSON.stringify(action)} at ${isoTime(createdAt)}, is ${state}; see /v1/commands/${id}/why`,
  ];
}

function listed(reading: Readonly<Record<string, unknown>>): string {
  const names = Object.entries(reading).slice(0, 8);
  if (names.length === 0) return '';
  const list = names.map(
    ([name, value]) => `${name} ${typeof value === 'number' ? rounded(value) : text(value)}`,
  );
  return `: ${list.join(', ')}`;
}
