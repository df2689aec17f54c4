import { conditionHolds } from '@lamplighter/evaluation/clauses/conditions/when';
import { ExpressionFailed } from '@lamplighter/evaluation/expression/errors';
import { type Tally, tallyVotes, type Vote, voteOf, withVotes } from '@lamplighter/evaluation/quorum/quorum';
import { ballotOf } from '@lamplighter/evaluation/quorum/quorum-group';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { KeptReading } from '@lamplighter/store/devices/devices';

/** Readings before the moment that a vote is taken from: a sensor with hysteresis needs more than the last. */
const READINGS_PER_VOTE = 20;

/**
 * How a device's neighbours would have voted at a moment, by what is stored of them now. Event time counts: what a neighbour measured
 * without its link and handed in later is a vote of when it was measured.
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
      const said = voteOf(rule, typeof vote === 'boolean' ? vote : undefined, scope);
      if (said === undefined) continue;
      vote = said;
      measuredAt = eventTime(reading);
    } catch (error) {
      // A reading on which the rule fails is no vote.
      if (!(error instanceof ExpressionFailed)) throw error;
    }
  }
  if (vote === undefined) return undefined;
  return { device: address.device, value: Number(vote), receivedAt: measuredAt, since: rule.since };
}

/** Counts votes as of a moment. No group was being formed then, so too few votes stay too few. */
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

/** When a reading was taken: by its device's clock, unless that is ahead of what the server saw. */
function eventTime({ at, receivedAt }: KeptReading): number {
  return at === undefined ? receivedAt : Math.min(at, receivedAt);
}
