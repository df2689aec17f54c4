import { duration, rounded } from '../clauses/definition/sentences.js';
import type { Tally } from './quorum.js';

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
  const listed = Object.entries(votes ?? {}).slice(0, MAX_LISTED);
  for (const [device, [vote, ageMs]] of listed)
    sentences.push(`${device} voted ${voteText(tally, vote)}, ${duration(ageMs)} earlier`);
  const unlisted = fresh + stale - listed.length;
  if (votes !== undefined && unlisted > 0) sentences.push(`and ${unlisted} more`);
  return sentences;
}

/** A vote: yes, no, or the measured value. */
export function voteText({ policy }: Pick<Tally, 'policy'>, value: number): string {
  if (policy === 'median' || policy === 'trimmedMean') return rounded(value);
  return value === 1 ? 'yes' : 'no';
}

/**
 * Explains what a sensor would vote on a reading.
 * @param vote undefined if the reading lacks a measurement
 * @param measure the expression that a measuring quorum evaluates on each sensor
 */
export function voteSentence(vote: boolean | number | undefined, measure: string | undefined): string {
  const what =
    vote === undefined
      ? 'would not vote, because the reading lacks a measurement'
      : `would vote ${typeof vote === 'number' ? rounded(vote) : vote ? 'yes' : 'no'}`;
  const measured = measure === undefined ? '' : ` ("${measure}")`;
  return `this sensor ${what}${measured}; the verdict of the group depends on all votes`;
}
