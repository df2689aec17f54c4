import { repeatedKey } from './repeated-key.js';

describe('repeatedKey', () => {
  it.each<[what: string, text: string, path: readonly (string | number)[]]>([
    ['at the top', '{"a":1,"b":2,"a":3}', ['a']],
    ['with equal values', '{"a":1,"a":1}', ['a']],
    ['within', '{"action":{"led_on":true, "led_on" : false}}', ['action', 'led_on']],
    ['in an array', '[0,[{"b":[]},{"a":{},"a":[]}]]', [1, 1, 'a']],
    ['spelt in two ways', '{"a":1,"\\u0061":2}', ['a']],
    ['that is empty', '{"":1,"":2}', ['']],
    ['that is named like a prototype', '{"__proto__":1,"__proto__":2}', ['__proto__']],
    ['with a quote in it', '{"a\\"b":":\\\\","c":0,"a\\"b":1}', ['a"b']],
  ])('finds a repeated key %s', (_what, text, path) => {
    expect(repeatedKey(text, 10)).toEqual(path);
  });

  it.each([
    ['"a"'],
    ['7'],
    ['[]'],
    ['{"a":{"a":{"a":1}},"b":{"a":2}}'],
    ['[{"a":1},{"a":2}]'],
    ['{"a":"{\\"a\\":1}","b":"\\\\","c":[":",",","}"]}'],
  ])('finds no repeated key in %s', (text) => {
    expect(repeatedKey(text, 10)).toBeUndefined();
  });

  it('does not check below the maximum depth', () => {
    const repeated = '{"a":1,"a":2}';
    expect(repeatedKey(`[[${repeated}]]`, 3)).toEqual([0, 0, 'a']);
    expect(repeatedKey(`[[${repeated}]]`, 2)).toBeUndefined();
    expect(repeatedKey('['.repeat(1_000_000), 10)).toBeUndefined();
  });
});
