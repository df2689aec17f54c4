import { duration, rounded } from '@lamplighter/evaluation/explanation/explain';
import type { Tally } from '@lamplighter/evaluation/quorum/quorum';

/** Votes that are told one by one. */
const TOLD = 10;

/** Tells in words how the votes of a quorum were counted. */
export function tallySentences(tally: Tally): string[] {
  const { expected, needs, fresh, stale, missing, yes, no, value, votes } = tally;
  const sentences = [
    `${fresh} of ${expected} sensors had been heard recently, ${stale} too long ago, ${missing} never; ${needs} are needed`,
  ];
  if (value !== undefined)
    sentences.push(`the ${tally.policy === 'median' ? 'median' : 'trimmed mean'} was ${rounded(value)}`);
  else if (yes !== undefined) sentences.push(`${yes} said yes and ${no ?? 0} no (${tally.policy})`);
  if (tally.outcome === 'gathering') sentences.push('the group was still being gathered');
  if (tally.outcome === 'lost') sentences.push('the quorum was lost');
  const named = Object.entries(votes ?? {});
  for (const [device, [said, ageMs]] of named.slice(0, TOLD))
    sentences.push(`${device} said ${voteText(tally, said)}, ${duration(ageMs)} before`);
  if (named.length > TOLD) sentences.push(`and ${fresh + stale - TOLD} more`);
  return sentences;
}

/** What a sensor said: yes or no, or what it measured. */
export function voteText({ policy }: Pick<Tally, 'policy'>, value: number): string {
  if (policy === 'median' || policy === 'trimmedMean') return rounded(value);
  return value === 1 ? 'yes' : 'no';
}
