import { isAfter, isPosition, timeOf } from './stream-position.js';

describe('a stream position', () => {
  it.each([
    ['1-0', '0-0', true],
    ['10-0', '9-9', true],
    ['5-10', '5-9', true],
    ['5-9', '5-9', false],
    ['5-9', '5-10', false],
    ['1795348800000-0', '999999999999-7', true],
  ])('%s comes after %s: %s', (a, b, after) => {
    expect(isAfter(a, b)).toBe(after);
  });

  it.each(['', '1', '1-', '-1', '1-2-3', 'a-b', '1-0 ', '$', `${'9'.repeat(16)}-0`])(
    'rejects "%s" as a position',
    (text) => {
      expect(isPosition(text)).toBe(false);
    },
  );

  it('contains the time of its event', () => {
    expect(timeOf('1795348800000-3')).toBe(1_795_348_800_000);
  });
});
