import fc from 'fast-check';
import { durationMs, durationSchema, durationText } from './duration.js';

it.each([
  ['0s', 0],
  ['250ms', 250],
  ['1s', 1000],
  ['90s', 90_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['007s', 7000],
])('durationMs parses %s as %d ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

it.each([
  '',
  's',
  '5',
  '5 s',
  ' 5s',
  '5s ',
  '5S',
  '-5s',
  '+5s',
  '1.5h',
  '1e3s',
  '5sec',
  '5min',
  '1h30m',
  '5s\n',
  '٣s',
  '9999999999s',
  '0x5s',
  'NaNs',
  'Infinitys',
])('durationMs rejects %j', (text) => {
  expect(durationMs(text)).toBeUndefined();
});

it('durationMs returns a non-negative integer or undefined for any text', () => {
  const near = fc
    .tuple(fc.integer({ min: -1 }), fc.constantFrom('ms', 's', 'm', 'h', 'd', ''))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (text) => {
      const ms = durationMs(text);
      if (ms !== undefined) expect(Number.isInteger(ms) && ms >= 0).toBe(true);
    }),
  );
});

it.each([
  [0, '0s'],
  [250, '250ms'],
  [1000, '1s'],
  [90_000, '90s'],
  [3_600_000, '1h'],
  [7 * 24 * 3_600_000, '7d'],
])('durationText formats %d ms as %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

describe('durationSchema', () => {
  const schema = durationSchema(1000, 60_000);

  it.each(['1s', '1000ms', '60s', '1m'])('accepts %s', (text) => {
    expect(schema.parse(text)).toBe(text);
  });

  it.each(['999ms', '0s', '61s', '60001ms', '1h', 'soon', ''])(
    'rejects %j with a message that has the bounds',
    (text) => {
      expect(schema.safeParse(text).error?.issues[0]?.message).toBe(
        'must be a duration such as "30s", "5m" or "1h", from 1s to 1m',
      );
    },
  );

  it.each([60, null, undefined, ['5s'], { ms: 5 }])('rejects %j', (value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });
});

it('durationSchema names only the upper bound if the lower one is 0', () => {
  expect(durationSchema(0, 7 * 24 * 3_600_000).parse('0s')).toBe('0s');
  expect(durationSchema(0, 7 * 24 * 3_600_000).safeParse('8d').error?.issues[0]?.message).toBe(
    'must be a duration such as "30s", "5m" or "1h", at most 7d',
  );
});
