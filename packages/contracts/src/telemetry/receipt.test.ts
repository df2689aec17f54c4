import { BOUNDS } from '../bounds.js';
import { parseReceipt } from './receipt.js';

const parse = (payload: string) => parseReceipt(Buffer.from(payload));

it('a receipt tells what is stored, and what was refused', () => {
  expect(parse('{"stored":[1,1763769600000000]}')).toEqual({ stored: [1, 1763769600000000] });
  expect(parse('{"stored":[],"refused":[7]}')).toEqual({ stored: [], refused: [7] });
});

it.each([
  ['nothing', ''],
  ['no JSON', 'stored'],
  ['a list', '[1]'],
  ['no word of what is stored', '{"refused":[1]}'],
  ['a sequence that is a text', '{"stored":["1"]}'],
  ['a sequence that no double holds', '{"stored":[9007199254740993]}'],
  ['more than it may answer for', JSON.stringify({ stored: Array(BOUNDS.maxReceipt + 1).fill(1) })],
])('%s is no receipt', (_what, payload) => {
  expect(parse(payload)).toBeUndefined();
});
