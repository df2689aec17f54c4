import type { Tally } from './quorum.js';
import { explainTally, voteSentence } from './quorum-sentences.js';

const COUNTED: Tally = {
  policy: 'majority',
  outcome: 'decided',
  verdict: true,
  expected: 5,
  needs: 3,
  fresh: 3,
  stale: 1,
  missing: 1,
};

it('explains counted votes, with each vote and its age', () => {
  const votes = { a: [1, 2000], b: [0, 61_000] } as const;
  expect(explainTally({ ...COUNTED, fresh: 1, yes: 1, no: 0, votes })).toEqual([
    '1 of 5 sensors had voted recently, 1 too long ago, 1 never; 3 votes are required',
    '1 voted yes and 0 no (majority)',
    'a voted yes, 2 s earlier',
    'b voted no, 61 s earlier',
  ]);
});

it('explains a median', () => {
  expect(explainTally({ ...COUNTED, policy: 'median', value: 312.4, votes: { a: [312.4, 0] } })).toEqual([
    '3 of 5 sensors had voted recently, 1 too long ago, 1 never; 3 votes are required',
    'the median was 312.4',
    'a voted 312.4, 0 ms earlier',
    'and 3 more',
  ]);
});

it.each<[Tally['outcome'], string]>([
  ['gathering', 'the group was still gathering votes'],
  ['lost', 'the quorum was lost'],
])('explains the outcome %s', (outcome, sentence) => {
  expect(explainTally({ ...COUNTED, outcome }).at(-1)).toBe(sentence);
});

it('lists at most ten votes', () => {
  const votes = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`s${i}`, [1, 0] as const]));
  const sentences = explainTally({ ...COUNTED, fresh: 12, stale: 0, votes });
  expect(sentences).toHaveLength(1 + 10 + 1);
  expect(sentences.at(-1)).toBe('and 2 more');
});

it.each<[vote: boolean | number | undefined, measure: string | undefined, sentence: string]>([
  [true, undefined, 'this sensor would vote yes'],
  [false, undefined, 'this sensor would vote no'],
  [212, 'light', 'this sensor would vote 212 ("light")'],
  [undefined, 'light', 'this sensor would not vote, because the reading lacks a measurement ("light")'],
])('explains the vote %p of a sensor', (vote, measure, sentence) => {
  expect(voteSentence(vote, measure)).toBe(`${sentence}; the verdict of the group depends on all votes`);
});
