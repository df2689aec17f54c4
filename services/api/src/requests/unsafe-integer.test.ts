import { unsafeInteger } from './unsafe-integer.js';

describe('unsafeInteger', () => {
  it.each<[json: string, path: readonly (string | number)[] | undefined]>([
    ['{"action": {"serial": 9007199254740993}}', ['action', 'serial']],
    ['{"then": {"ids": [1, -9007199254740992]}}', ['then', 'ids', 1]],
    ['{"a": {"b": 1}, "c\\"d": 12345678901234567890}', ['c"d']],
    ['[{"a": 1}, {"a": 99999999999999999}]', [1, 'a']],
    ['12345678901234567890', []],
    ['{"action": {"serial": 9007199254740991}}', undefined],
    ['{"text": "9007199254740993", "exp": 1e20, "pi": 3.14159265358979323846}', undefined],
    ['{"text": "\\"9007199254740993"}', undefined],
  ])('finds an integer that a number cannot represent in %s', (json, path) => {
    expect(unsafeInteger(json)?.path).toEqual(path);
  });
});
