import { BOUNDS } from '../bounds.js';
import { parseReceipt } from './receipt.js';

const parse = (payload: string) => parseReceipt(Buffer.from(payload));

it('parseReceipt returns the stored and the rejected sequences', () => {
  expect(parse('{"stored":[1,1763769600000000]}')).toEqual({ stored: [1, 1763769600000000] });
  expect(parse('{"stored":[],"refused":[7]}')).toEqual({ stored: [], refused: [7] });
});

it.each([
  ['an empty payload', ''],
  ['malformed JSON', 'stored'],
  ['a list', '[1]'],
  ['a receipt without "stored"', '{"refused":[1]}'],
  ['a sequence that is a string', '{"stored":["1"]}'],
  ['a sequence beyond 2^53', '{"stored":[9007199254740993]}'],
  ['too many sequences', JSON.stringify({ stored: Array(BOUNDS.maxReceipt + 1).fill(1) })],
])('parseReceipt rejects %s', (_what, payload) => {
  expect(parse(payload)).toBeUndefined();
});
