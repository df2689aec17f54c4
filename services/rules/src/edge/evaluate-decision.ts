import type { EdgeDecision } from '@lamplighter/contracts/edge/edge';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { Trace } from '@lamplighter/evaluation/context/trace';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { recordedWindow } from '@lamplighter/evaluation/evaluate/evidence';
import { explain } from '@lamplighter/evaluation/explanation/explain';
import type { Tally } from '@lamplighter/evaluation/quorum/quorum';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { measureAtEdge, withoutQuorum } from '@lamplighter/evaluation/rule/edge';
import type { WindowView } from '@lamplighter/evaluation/window/functions';
import { ReadingWindow } from '@lamplighter/evaluation/window/reading-window';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import type { Judgement } from '@lamplighter/store/edge/edge';
import { WINDOW_SIZE } from '@lamplighter/store/keys';
import { tallyAt, votesAt } from './neighbour-votes.js';

/** The stored facts about a decision. */
export interface DecisionFacts {
  readonly fleet: string;
  readonly device: string;
  /** The version that the device evaluated; undefined if it is no longer stored. */
  readonly rule: CompiledRule | undefined;
  /** The current version; undefined if the rule was deleted. */
  readonly currentVersion: number | undefined;
  /** The stored readings of the device, newest first. */
  readonly window: readonly KeptReading[];
  /** For a quorum: the stored readings of the other sensors, newest first; undefined if there are too many sensors. */
  readonly neighbours: ReadonlyMap<string, readonly KeptReading[]> | undefined;
}

export type Verdict = Omit<Judgement, 'at'>;

/**
 * Evaluates an edge decision on the server: whether the same version of the rule decides the same on the stored reading, and how the
 * neighbours in a quorum would have voted. The rule state before the decision is taken from the device's report. Pure.
 */
export function evaluateDecision(decision: EdgeDecision, facts: DecisionFacts): Verdict {
  const { rule, currentVersion } = facts;
  const { version } = decision;
  const remarks =
    currentVersion === version
      ? []
      : [
          currentVersion === undefined
            ? 'the rule has been deleted since'
            : `the current version of the rule is ${currentVersion}`,
        ];
  if (rule === undefined)
    return missing(`version ${version} of rule "${decision.rule}" is no longer stored`, remarks);
  if (decision.because === undefined)
    return missing('the evidence was too large for the report of the device', remarks);
  const reported = reevaluate(rule, decision, facts, {
    reading: decision.because.reading,
    last: decision.because.last ?? {},
    value: decision.because.value,
    windows: decision.because.windows,
  });
  if (!reported.isSame)
    return {
      judgement: 'disagrees',
      sentences: ["the rule decides otherwise on the device's own report", ...reported.sentences, ...remarks],
    };
  const stored = storedOf(rule, decision, facts);
  if (stored !== undefined && typeof stored !== 'string') {
    const again = reevaluate(rule, decision, facts, stored);
    if (!again.isSame)
      return {
        judgement: 'disagrees',
        sentences: ['the rule decides otherwise on the stored readings', ...again.sentences, ...remarks],
      };
  }
  if (decision.reason === 'run_over')
    return { judgement: 'agrees', sentences: [...reported.sentences, ...remarks] };
  if (rule.quorum !== undefined)
    return compareNeighbours(rule, decision, facts, [...reported.sentences, ...remarks]);
  if (stored === undefined || typeof stored === 'string')
    return missing(stored ?? 'the reading that caused the decision is not stored', [
      "the rule decides the same on the device's own report",
      ...reported.sentences,
      ...remarks,
    ]);
  return { judgement: 'agrees', sentences: [...reported.sentences, ...remarks] };
}

type Input = Pick<Observation, 'reading' | 'last' | 'value'> & {
  readonly window?: WindowView;
  readonly windows?: Readonly<Record<string, number>> | undefined;
};

/** Evaluates the rule as the device does. */
function reevaluate(
  rule: CompiledRule,
  { because, raise, now, trigger }: EdgeDecision,
  { fleet, device }: DecisionFacts,
  { reading, last, value, window, windows }: Input,
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
  const subject = { address: { fleet, device }, acknowledges: true, lesson: false };
  const evaluated = evaluate(withoutQuorum(rule), state, observation, subject, now, trace);
  const isSame = evaluated.emit !== undefined && evaluated.raise === raise;
  return { isSame, sentences: explain(trace) };
}

/** The stored reading and those before it; the reason if they are incomplete; undefined if the reading is not stored. */
function storedOf(
  rule: CompiledRule,
  { seq, because }: EdgeDecision,
  { window }: DecisionFacts,
): Input | string | undefined {
  const index = seq === undefined ? -1 : window.findIndex((reading) => reading.seq === seq);
  if (index === -1) return undefined;
  const past = window.slice(index);
  const [newest, last] = past;
  const longestMs = Math.max(0, ...rule.windows.map(({ ms }) => ms));
  const isCut = window.length >= WINDOW_SIZE && timeOf(past.at(-1)!) > timeOf(newest!) - longestMs;
  if (longestMs > 0 && isCut) return 'the window of the rule reaches further back than the stored readings';
  if (rule.usesLast && last === undefined && because?.last !== undefined)
    return 'the previous reading is not stored';
  const reading = newest!.measurements;
  const value = measureAtEdge(rule, { reading });
  return {
    reading,
    last: last?.measurements ?? {},
    ...(value !== undefined && { value }),
    window: new ReadingWindow(
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
  if (neighbours === undefined) return missing('the quorum has too many sensors to compare', remarks);
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
  const votes = value !== undefined ? `their ${policy} was ${value}` : `${yes} for, ${no} against`;
  const decision =
    outcome === 'decided' && verdict !== undefined
      ? `the decision is ${verdict ? 'yes' : 'no'} (${policy})`
      : 'no decision';
  return `${fresh} of ${expected} sensors had voted: ${votes}; ${decision}`;
}

function missing(why: string, remarks: readonly string[]): Verdict {
  return { judgement: 'data_missing', sentences: [why, ...remarks] };
}

function timeOf({ at, receivedAt }: KeptReading): number {
  return at ?? receivedAt;
}
