import type { EdgeDecision } from '@lamplighter/contracts/edge/edge';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { Trace } from '@lamplighter/evaluation/context/trace';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { recordedWindow } from '@lamplighter/evaluation/evaluate/evidence';
import { explain } from '@lamplighter/evaluation/explanation/explain';
import type { WindowView } from '@lamplighter/evaluation/expression/expression';
import type { Tally } from '@lamplighter/evaluation/quorum/quorum';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { measureAtEdge, withoutQuorum } from '@lamplighter/evaluation/rule/edge';
import { History } from '@lamplighter/evaluation/window/history';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import type { Judgement } from '@lamplighter/store/edge/edge';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import { tallyAt, votesAt } from './neighbour-votes.js';

/** What the server knows of a decision. */
export interface DecisionFacts {
  readonly fleet: string;
  readonly device: string;
  /** The version that the device went by; undefined if it is not kept any more. */
  readonly rule: CompiledRule | undefined;
  /** The version that is there now; undefined if the rule is gone. */
  readonly present: number | undefined;
  /** What is stored of the device, newest first. */
  readonly window: readonly KeptReading[];
  /** Of a quorum: what is stored of the other sensors, newest first; undefined if they are too many. */
  readonly neighbours: ReadonlyMap<string, readonly KeptReading[]> | undefined;
}

export type Verdict = Omit<Judgement, 'at'>;

/**
 * What the server thinks of a decision that a device took alone: whether the rule of that version comes to the same on the reading as
 * it is stored, and what the neighbours of a quorum would have voted. What the rule remembered before is the device's word. Pure.
 */
export function evaluateDecision(decision: EdgeDecision, known: DecisionFacts): Verdict {
  const { rule, present } = known;
  const { version } = decision;
  const remarks =
    present === version
      ? []
      : [present === undefined ? 'the rule is gone now' : `the rule has version ${present} now`];
  if (rule === undefined)
    return missing(`version ${version} of rule "${decision.rule}" is not kept any more`, remarks);
  if (decision.because === undefined) return missing('what the device saw was too much to report', remarks);
  const reported = reevaluate(rule, decision, known, {
    reading: decision.because.reading,
    last: decision.because.last ?? {},
    value: decision.because.value,
    windows: decision.because.windows,
  });
  if (!reported.isSame)
    return {
      judgement: 'disagrees',
      sentences: ['by its own report the rule decides otherwise', ...reported.sentences, ...remarks],
    };
  const stored = storedOf(rule, decision, known);
  if (stored !== undefined && typeof stored !== 'string') {
    const again = reevaluate(rule, decision, known, stored);
    if (!again.isSame)
      return {
        judgement: 'disagrees',
        sentences: ['on what is stored the rule decides otherwise', ...again.sentences, ...remarks],
      };
  }
  if (decision.reason === 'run_over')
    return { judgement: 'agrees', sentences: [...reported.sentences, ...remarks] };
  if (rule.quorum !== undefined)
    return compareNeighbours(rule, decision, known, [...reported.sentences, ...remarks]);
  if (stored === undefined || typeof stored === 'string')
    return missing(stored ?? 'the reading on which it was decided is not stored', [
      'by its own report the rule decides the same',
      ...reported.sentences,
      ...remarks,
    ]);
  return { judgement: 'agrees', sentences: [...reported.sentences, ...remarks] };
}

type Seen = Pick<Observation, 'reading' | 'last' | 'value'> & {
  readonly window?: WindowView;
  readonly windows?: Readonly<Record<string, number>> | undefined;
};

/** The rule once more, as the device judges it, on something that was seen. */
function reevaluate(
  rule: CompiledRule,
  { because, raise, now, trigger }: EdgeDecision,
  { fleet, device }: DecisionFacts,
  { reading, last, value, window, windows }: Seen,
) {
  const { state, ageMs, heardAt } = because!;
  const trace: Trace = [];
  const observation: Observation = {
    trigger,
    reading,
    ageMs,
    heardAt,
    ...(last !== undefined && { last }),
    ...(value !== undefined && { value }),
    ...((window ?? windows) !== undefined && { window: window ?? recordedWindow(windows!) }),
  };
  const facts = { address: { fleet, device }, answers: true, lesson: false };
  const { emit, raise: side } = evaluate(withoutQuorum(rule), state, observation, facts, now, trace);
  return { isSame: emit !== undefined && side === raise, sentences: explain(trace) };
}

/** The reading as it is stored, and those before it; why not, if that is known; undefined if it is not there. */
function storedOf(
  rule: CompiledRule,
  { seq, because }: EdgeDecision,
  { window }: DecisionFacts,
): Seen | string | undefined {
  const index = seq === undefined ? -1 : window.findIndex((reading) => reading.seq === seq);
  if (index === -1) return undefined;
  const past = window.slice(index);
  const [newest, last] = past;
  const longestMs = Math.max(0, ...rule.windows.map(({ ms }) => ms));
  const isCut = window.length >= WINDOW_SIZE && timeOf(past.at(-1)!) > timeOf(newest!) - longestMs;
  if (longestMs > 0 && isCut) return 'its window reached further back than what is stored';
  if (rule.usesLast && last === undefined && because?.last !== undefined)
    return 'the reading before it is not stored';
  const reading = newest!.measurements;
  const value = measureAtEdge(rule, { reading });
  return {
    reading,
    last: last?.measurements ?? {},
    ...(value !== undefined && { value }),
    window: new History(
      past
        .toReversed()
        .map((kept) => ({ at: timeOf(kept), receivedAt: kept.receivedAt, reading: kept.measurements })),
    ),
  };
}

function compareNeighbours(
  rule: CompiledRule,
  { now, raise, because }: EdgeDecision,
  { fleet, device, neighbours }: DecisionFacts,
  remarks: readonly string[],
): Verdict {
  if (neighbours === undefined) return missing('the quorum has too many sensors to look at', remarks);
  const value = because?.value ?? Number(raise);
  const own = { device, value, receivedAt: now, since: rule.since };
  const votes = [own, ...votesAt(rule, fleet, neighbours, now)];
  const tally = tallyAt(rule, votes, now, because?.state?.raised ?? false);
  const counted = sentenceOf(tally);
  if (tally.outcome !== 'decided' || tally.verdict === undefined)
    return { ...missing(counted, remarks), tally };
  const judgement = tally.verdict === raise ? 'agrees' : 'neighbours_disagreed';
  return { judgement, sentences: [counted, ...remarks], tally };
}

function sentenceOf({ policy, outcome, expected, fresh, yes, no, value, verdict }: Tally): string {
  const heard = `${fresh} of ${expected} sensors had spoken`;
  const said = value !== undefined ? `their ${policy} was ${value}` : `${yes} for, ${no} against`;
  const end =
    outcome === 'decided' && verdict !== undefined
      ? `together they say ${verdict ? 'yes' : 'no'} (${policy})`
      : 'which decides nothing';
  return `${heard}: ${said}, ${end}`;
}

function missing(why: string, remarks: readonly string[]): Verdict {
  return { judgement: 'data_missing', sentences: [why, ...remarks] };
}

function timeOf({ at, receivedAt }: KeptReading): number {
  return at ?? receivedAt;
}
