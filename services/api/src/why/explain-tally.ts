import { duration, rounded } from '@lamplighter/evaluation/clauses/definition/sentences';
import type { Tally } from '@lamplighter/evaluation/quorum/quorum';

/** Votes listed one by one. */
const MAX_LISTED = 10;

/** Explains how the votes of a quorum were counted. */
export function explainTally(tally: Tally): string[] {
  const { expected, needs, fresh, stale, missing, yes, no, value, votes } = tally;
  const sentences = [
    `${fresh} of ${expected} sensors had voted recently, ${stale} too long ago, ${missing} never; ${needs} votes are required`,
  ];
  if (value !== undefined)
    sentences.push(`the ${tally.policy === 'median' ? 'median' : 'trimmed mean'} was ${rounded(value)}`);
  else if (yes !== undefined) sentences.push(`${yes} voted yes and ${no ?? 0} no (${tally.policy})`);
  if (tally.outcome === 'gathering') sentences.push('the group was still gathering votes');
  if (tally.outcome === 'lost') sentences.push('the quorum was lost');
  const named = Object.entries(votes ?? {});
  for (const [device, [said, ageMs]] of named.slice(0, MAX_LISTED))
    sentences.push(`${device} voted ${voteText(tally, said)}, ${duration(ageMs)} earlier`);
  if (named.length > MAX_LISTED) sentences.push(`and ${fresh + stale - MAX_LISTED} more`);
  return sentences;
}

/** A vote: yes, no, or the measured value. */
export function voteText({ policy }: Pick<Tally, 'policy'>, value: number): string {
  if (policy === 'median' || policy === 'trimmedMean') return rounded(value);
  return value === 1 ? 'yes' : 'no';
}
