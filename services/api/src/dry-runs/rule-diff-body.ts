import { duration } from '@lamplighter/evaluation/clauses/definition/sentences';
import type { CommandChange } from '@lamplighter/evaluation/simulation/diff-commands';
import { isoTime } from '../responses/iso-time.js';
import type { Remark } from '../rules/rule-check.js';
import type { RuleDiff, TargetDiff } from './compare-rules.js';
import type { Recording } from './recording.js';
import { MAX_LISTED_CHANGES, MAX_LISTED_DEVICES, type RuleDiffBody } from './rule-diff.schema.js';
import type { Fate, StartedAction } from './started-actions.js';

/** Changes listed as sentences. */
const MAX_SENTENCES = 10;

/** What was compared. */
export interface Compared {
  readonly fleet: string;
  readonly rule: string;
  /** 0 if the candidate was compared with no rule. */
  readonly version: number;
  readonly source: 'window' | 'upload';
  readonly recording: Recording;
  readonly warnings: readonly Remark[];
  /** What the current rule has started; undefined if another version was compared. */
  readonly started: readonly StartedAction[] | undefined;
}

/** A comparison as the API returns it, limited in size. */
export function ruleDiffBody(
  { fleet, rule, version, source, recording, warnings, started }: Compared,
  diff: RuleDiff,
): RuleDiffBody {
  const { readings, until, isCut } = recording;
  const from = readings.reduce((earliest, { at }) => Math.min(earliest, at), Number.POSITIVE_INFINITY);
  const changed = diff.targets.filter(({ changes }) => changes.length > 0).sort(byChanges);
  const all = diff.targets.flatMap(({ changes }) => changes);
  const commands = {
    present: diff.present,
    candidate: diff.candidate,
    same: diff.targets.reduce((sum, { same }) => sum + same, 0),
    ...counted(all),
  };
  const run: RuleDiffBody['recording'] = {
    source,
    devices: new Set(readings.map(({ device }) => device)).size,
    readings: readings.length,
    ...(readings.length > 0 && { from: isoTime(from), to: isoTime(until) }),
    isCut,
  };
  return {
    fleet,
    rule,
    version,
    recording: run,
    commands,
    devices: changed.slice(0, MAX_LISTED_DEVICES).map(targetBody),
    changedDevices: changed.length,
    ...(started !== undefined && { started: startedBody(started) }),
    sentences: [
      ...totals(version, run, commands),
      ...changeSentences(changed),
      ...startedSentences(started ?? []),
    ],
    ...(warnings.length > 0 && { warnings: [...warnings] }),
  };
}

const FATE_TEXTS: Readonly<Record<Fate, string>> = {
  goes_on: 'continues',
  ends_in_time: 'no longer belongs to the rule and ends at its promised time',
  released: 'is released immediately',
  stays: 'is discarded; the device stays as it is',
};

function startedBody(started: readonly StartedAction[]): NonNullable<RuleDiffBody['started']> {
  const count = (fate: Fate) => started.filter((one) => one.fate === fate).length;
  return {
    goesOn: count('goes_on'),
    endsInTime: count('ends_in_time'),
    released: count('released'),
    stays: count('stays'),
    devices: started.slice(0, MAX_LISTED_DEVICES).map(({ device, fate, until }) => ({
      ...(device !== undefined && { device }),
      fate,
      ...(until !== undefined && { until: isoTime(until) }),
    })),
  };
}

function startedSentences(started: readonly StartedAction[]): string[] {
  const sentences = started.map(({ device = 'the targets', fate, until }) => {
    const what = until === undefined ? 'the raised verdict' : `the run until ${isoTime(until)}`;
    return `${device}: ${what} ${FATE_TEXTS[fate]}`;
  });
  if (sentences.length <= MAX_SENTENCES) return sentences;
  return [...sentences.slice(0, MAX_SENTENCES), `and ${sentences.length - MAX_SENTENCES} more in progress`];
}

function targetBody({ device, targets, present, changes }: TargetDiff): RuleDiffBody['devices'][number] {
  const changed = new Set(changes.map(({ command }) => command));
  const unchanged = present.filter((command) => !changed.has(command));
  return {
    ...(device !== undefined && { device }),
    ...(targets !== undefined && { targets: targets === '*' ? '*' : [...targets] }),
    ...counted(changes),
    unchanged: unchanged
      .slice(-MAX_LISTED_CHANGES)
      .map(({ at, action }) => ({ at: isoTime(at), action: { ...action } })),
    changes: changes.slice(0, MAX_LISTED_CHANGES).map((change) => {
      const { at, action, reason } = change.command;
      return {
        kind: change.kind,
        at: isoTime(at),
        ...(change.kind === 'moved' && { to: isoTime(change.to.at), byMs: change.to.at - at }),
        action,
        reason,
      };
    }),
  };
}

function counted(changes: readonly CommandChange[]) {
  const counts = { added: 0, dropped: 0, moved: 0 };
  for (const { kind } of changes) counts[kind] += 1;
  return counts;
}

function byChanges(a: TargetDiff, b: TargetDiff): number {
  return b.changes.length - a.changes.length || nameOf(a).localeCompare(nameOf(b));
}

function nameOf({ device, targets }: TargetDiff): string {
  return device ?? `the targets ${JSON.stringify(targets)}`;
}

function totals(
  version: number,
  run: RuleDiffBody['recording'],
  commands: RuleDiffBody['commands'],
): string[] {
  if (run.readings === 0) return ['no readings of devices in the scope of either rule are stored'];
  const { present, candidate, same, added, dropped, moved } = commands;
  const cut = run.isCut ? '; there are more, which were not read' : '';
  const by = version === 0 ? 'without a rule' : `by version ${version}`;
  return [
    `evaluated ${plural(run.readings, 'reading')} of ${plural(run.devices, 'device')}, from ${run.from} to ${run.to}${cut}`,
    `commands: ${present} ${by}, ${candidate} by the candidate; ` +
      `${same} the same, ${added} added, ${dropped} dropped, ${moved} moved in time`,
  ];
}

function changeSentences(changed: readonly TargetDiff[]): string[] {
  const sentences = changed.flatMap((target) =>
    target.changes.map((change) => `${nameOf(target)}, ${changeSentence(change)}`),
  );
  if (sentences.length <= MAX_SENTENCES) return sentences;
  return [...sentences.slice(0, MAX_SENTENCES), `and ${sentences.length - MAX_SENTENCES} more changes`];
}

function changeSentence(change: CommandChange): string {
  const { at, action } = change.command;
  const command = `${isoTime(at)}: ${JSON.stringify(action)}`;
  if (change.kind !== 'moved') return `${command} is ${change.kind}`;
  const ms = change.to.at - at;
  return `${command} is issued ${duration(Math.abs(ms))} ${ms > 0 ? 'later' : 'earlier'}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
