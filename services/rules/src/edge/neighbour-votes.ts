import { conditionHolds } from '@lamplighter/evaluation/clauses/conditions/when';
import { ExpressionFailed } from '@lamplighter/evaluation/expression/errors';
import { type Tally, tallyVotes, type Vote, voteOf, withVotes } from '@lamplighter/evaluation/quorum/quorum';
import { ballotOf } from '@lamplighter/evaluation/quorum/quorum-group';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { KeptReading } from '@lamplighter/store/devices/devices';

/** Readings that a vote is computed from: with hysteresis the last one is not enough. */
const READINGS_PER_VOTE = 20;

/**
 * How a device's neighbours would have voted at a time, according to their stored readings. Event time counts: a reading that a neighbour
 * took offline and sent later is a vote of the time when it was taken.
 * @param windows of the neighbours, newest first
 * @param at milliseconds
 */
export function votesAt(
  rule: CompiledRule,
  fleet: string,
  windows: ReadonlyMap<string, readonly KeptReading[]>,
  at: number,
): Vote[] {
  return [...windows].flatMap(([device, window]) => voteAt(rule, { fleet, device }, window, at) ?? []);
}

function voteAt(
  rule: CompiledRule,
  address: { readonly fleet: string; readonly device: string },
  window: readonly KeptReading[],
  at: number,
): Vote | undefined {
  let vote: boolean | number | undefined;
  let measuredAt = 0;
  const before = window.filter((reading) => eventTime(reading) <= at).slice(0, READINGS_PER_VOTE);
  for (const reading of before.toReversed()) {
    try {
      const scope = { reading: reading.measurements, device: address };
      const next = voteOf(rule, typeof vote === 'boolean' ? vote : undefined, scope);
      if (next === undefined) continue;
      vote = next;
      measuredAt = eventTime(reading);
    } catch (error) {
      // A reading on which the rule fails does not count.
      if (!(error instanceof ExpressionFailed)) throw error;
    }
  }
  if (vote === undefined) return undefined;
  return { device: address.device, value: Number(vote), receivedAt: measuredAt, since: rule.since };
}

/** Counts the votes at a time. The group is assumed to be complete by then, so too few votes mean a lost quorum. */
export function tallyAt(rule: CompiledRule, votes: readonly Vote[], at: number, raised: boolean): Tally {
  const ballot = ballotOf(rule);
  const tally = withVotes(
    tallyVotes(ballot, votes, { now: at, begun: 0, listeningSince: 0 }),
    ballot,
    votes,
    at,
  );
  if (tally.outcome !== 'decided' || tally.value === undefined) return tally;
  const verdict = conditionHolds(rule, raised, { reading: {}, value: tally.value });
  return verdict === undefined ? { ...tally, outcome: 'undecided' } : { ...tally, verdict };
}

/** When a reading was taken: by the device's clock, but no later than its receipt. */
function eventTime({ at, receivedAt }: KeptReading): number {
  return at === undefined ? receivedAt : Math.min(at, receivedAt);
}
