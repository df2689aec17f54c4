import { excessIn } from './json-size.js';

const excess = (text: string, maxValues = 10) => excessIn(Buffer.from(text), maxValues);

describe('excessIn', () => {
  it.each([
    ['7'],
    ['{"a":[1,2,3,4],"b":{"c":true}}'],
    ['["[[[[[[[[[[[[", ",,,,,,,,,,,,", "\\"[[[[[[[[[[[[", "\\\\"]'],
    ['{"a":"{'],
    [']]]]]]]]]]]]]]]]]'],
  ])('accepts %s', (text) => {
    expect(excess(text)).toBeUndefined();
  });

  it.each([
    ['empty lists', '[[],[],[],[],[],[]]'],
    ['nested lists', '[[[[[[[[[['],
    ['numbers', '[1,2,3,4,5,6,7,8,9,10]'],
    ['values after a text with a quote', '["\\"",1,2,3,4,5,6,7,8,9,10]'],
  ])('rejects too many values: %s', (_what, text) => {
    expect(excess(text)).toBe('it has more than 10 values');
  });

  it('rejects an object with too many keys, but not a list of as many objects', () => {
    const many = Array.from({ length: 2001 }, (_, i) => i);
    expect(excess(`{${many.map((i) => `"k${i}":0`).join(',')}}`, 10_000)).toBe(
      'an object has more than 2000 keys',
    );
    expect(excess(`[${many.map((i) => `{"k":${i}}`).join(',')}]`, 10_000)).toBeUndefined();
  });
});
