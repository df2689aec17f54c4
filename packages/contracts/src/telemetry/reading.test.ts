import fc from 'fast-check';
import { z } from 'zod';
import { BOUNDS } from '../bounds.js';
import {
  type ParsedTelemetry,
  parseTelemetry,
  REJECT_REASONS,
  type Reading,
  readingSchema,
} from './reading.js';

const NOW = Date.UTC(2026, 10, 22);
const parse = (payload: string | Uint8Array): ParsedTelemetry => parseTelemetry(Buffer.from(payload), NOW);
const reasons = (payload: string | Uint8Array) => parse(payload).rejected.map(({ reason }) => reason);
const accepted = (payload: string | Uint8Array) => parse(payload).readings.map(({ reading }) => reading);
const NO_READINGS: ParsedTelemetry['readings'] = [];

/** `{"a":{"a":…1}}` with this many levels of objects. */
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
/** An object with this many keys. */
const wide = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i]));
/** A reading of exactly this many bytes, in several strings because their length is limited. */
function readingOf(bytes: number): string {
  const texts = Math.ceil(bytes / 1000) + 1;
  const empty = JSON.stringify(Object.fromEntries(Array.from({ length: texts }, (_, i) => [`t${i}`, ''])));
  let missing = bytes - empty.length;
  const full = Array.from({ length: texts }, (_, i) => {
    const length = Math.min(missing, BOUNDS.maxStringLength);
    missing -= length;
    return [`t${i}`, 'x'.repeat(length)];
  });
  return JSON.stringify(Object.fromEntries(full));
}

describe('parseTelemetry accepts a reading', () => {
  it.each<[what: string, payload: string, reading: Reading]>([
    ['with one measurement', '{"light":412}', { light: 412 }],
    ['with sequence and device time', `{"light":1,"_seq":7,"_at":${NOW}}`, { light: 1, _seq: 7, _at: NOW }],
    [
      'with every kind of value',
      '{"a":-1.5e3,"b":false,"c":"on","d":null}',
      { a: -1500, b: false, c: 'on', d: null },
    ],
    ['with white space around', ' \r\n\t{ "light" : 1 } \n', { light: 1 }],
    ['with nested values, four levels deep', nested(4), { a: { a: { a: { a: 1 } } } }],
    ['with a list', '{"accel":[0.1,-0.2,9.8]}', { accel: [0.1, -0.2, 9.8] }],
    ['with a non-ASCII name', '{"温度":21}', { 温度: 21 }],
    ['with an escaped surrogate pair', '{"say":"\\ud83d\\udca1"}', { say: '💡' }],
    ['with an escaped NUL', '{"say":"\\u0000"}', { say: '\0' }],
    ['with colons and braces in a string', '{"say":"{\\"a\\":1}, [b:c]"}', { say: '{"a":1}, [b:c]' }],
    ['with a reserved key', '{"light":1,"_boot":3}', { light: 1, _boot: 3 }],
    ['with a sequence written as 1e3', '{"light":1,"_seq":1e3}', { light: 1, _seq: 1000 }],
    ['with the largest sequence', '{"_seq":9007199254740991}', { _seq: Number.MAX_SAFE_INTEGER }],
    ['with a value that names a forbidden key', '{"say":"__proto__"}', { say: '__proto__' }],
    ['with keys that Nest uses', '{"id":1,"data":{"light":2}}', { id: 1, data: { light: 2 } }],
    ['with the key pattern', '{"pattern":"x","light":2}', { pattern: 'x', light: 2 }],
    [
      'with keys that every object has',
      '{"toString":1,"hasOwnProperty":2,"length":3}',
      { toString: 1, hasOwnProperty: 2, length: 3 } as never,
    ],
  ])('%s', (_what, payload, reading) => {
    expect(parse(payload)).toEqual({ readings: [{ reading, json: payload }], rejected: [] });
  });

  it('with 64 keys, names of 64 characters and strings of 1024', () => {
    const reading = { ...wide(63), ['n'.repeat(64)]: 's'.repeat(1024) };
    expect(accepted(JSON.stringify(reading))).toEqual([reading]);
  });

  it('of exactly the maximum size', () => {
    const largest = readingOf(BOUNDS.maxReadingBytes);
    expect([largest.length, reasons(largest)]).toEqual([BOUNDS.maxReadingBytes, []]);
  });

  it('with a device time at either bound', () => {
    for (const _at of [NOW + BOUNDS.maxClockAheadMs, NOW - BOUNDS.maxClockBehindMs])
      expect(accepted(JSON.stringify({ _at }))).toEqual([{ _at }]);
  });
});

describe('parseTelemetry rejects', () => {
  it.each<[reason: string, what: string, payload: string | Uint8Array]>([
    ['bad_json', 'an empty payload', ''],
    ['bad_json', 'white space', ' \n'],
    ['bad_json', 'text', 'light=412'],
    ['bad_json', 'a truncated object', '{"light":41'],
    ['bad_json', 'a truncated replay', '[{"light":1},{"li'],
    ['bad_json', 'something after the object', '{"light":1}x'],
    ['bad_json', 'two objects', '{"light":1}{"light":2}'],
    ['bad_json', 'NaN', '{"light":NaN}'],
    ['bad_json', 'Infinity', '{"light":-Infinity}'],
    ['bad_json', 'a comment', '{"light":1/*lux*/}'],
    ['bad_json', 'a trailing comma', '{"light":1,}'],
    ['bad_json', 'single quotes', "{'light':1}"],
    ['bad_json', 'a byte order mark', '\ufeff{"light":1}'],
    ['bad_json', 'an unescaped control character', '{"say":"\0"}'],
    ['bad_json', 'an octal number', '{"light":0412}'],
    ['bad_json', 'a duplicate key', '{"light":1,"light":2}'],
    ['bad_json', 'a duplicate key, once escaped', '{"light":1,"l\\u0069ght":2}'],
    ['bad_json', 'a nested duplicate key', '{"a":{"b":{"c":1,"c":1}}}'],
    ['bad_json', 'a duplicate key next to a string with a colon', '{"light":1,"light":2,"say":":"}'],
    ['bad_json', 'a duplicate sequence', '{"light":1,"_seq":1,"_seq":2}'],
    ['binary', 'bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
    [
      'binary',
      'a lone surrogate as bytes',
      Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
    ],
    ['binary', 'a truncated character', Buffer.from('{"say":"é"}').subarray(0, 9)],
    ['binary', 'UTF-16', Buffer.from('\ufeff{"light":1}', 'utf16le')],
    ['binary', 'CBOR', Buffer.from([0xa1, 0x65, 0x6c, 0x69, 0x67, 0x68, 0x74, 0x19, 0x01, 0x9c])],
    ['schema', 'a number', '412'],
    ['schema', 'a string', '"light"'],
    ['schema', 'true', 'true'],
    ['schema', 'null', 'null'],
    ['schema', 'an object without keys', '{}'],
    ['schema', 'a replay without readings', '[]'],
    ['schema', 'a number that is not finite', '{"light":1e999}'],
    ['schema', 'a nested number that is not finite', '{"a":{"b":[-1e999]}}'],
    ['schema', 'an escaped lone surrogate', '{"say":"\\ud800"}'],
    ['schema', 'a lone surrogate in a name', '{"\\udc00":1}'],
    ['schema', 'a sequence that is a string', '{"_seq":"7"}'],
    ['schema', 'a negative sequence', '{"_seq":-1}'],
    ['schema', 'a sequence with a fraction', '{"_seq":1.5}'],
    ['schema', 'a sequence beyond 2^53', '{"_seq":9007199254740993}'],
    ['schema', 'a sequence that is null', '{"_seq":null}'],
    ['schema', 'a device time that is a string', '{"_at":"2026-11-22T00:00:00Z"}'],
    ['schema', '__proto__', '{"light":1,"__proto__":{"polluted":true}}'],
    ['schema', 'an escaped __proto__', '{"light":1,"\\u005f_proto__":{"polluted":true}}'],
    ['schema', 'a nested __proto__', '{"a":{"b":{"__proto__":1}}}'],
    ['schema', '__proto__ in a list', '{"a":[{"__proto__":1}]}'],
    ['schema', 'constructor', '{"constructor":{"prototype":{"polluted":true}}}'],
    ['schema', '65 keys', JSON.stringify(wide(65))],
    ['schema', '65 keys in a nested object', JSON.stringify({ a: wide(65) })],
    ['schema', '65 items in a list', JSON.stringify({ a: Array(65).fill(1) })],
    ['schema', 'a name of 65 characters', JSON.stringify({ ['n'.repeat(65)]: 1 })],
    ['schema', 'a nested name of 65 characters', JSON.stringify({ a: { ['n'.repeat(65)]: 1 } })],
    ['schema', 'a string of 1025 characters', JSON.stringify({ a: 's'.repeat(1025) })],
    ['too_deep', 'five levels', nested(5)],
    ['too_deep', 'five levels of lists', '{"a":[[[[1]]]]}'],
    ['too_deep', 'five thousand lists', '['.repeat(5000) + ']'.repeat(5000)],
    ['too_large', 'a hundred thousand lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['too_deep', 'a value of thousands of lists', `{"a":${'['.repeat(8000)}${']'.repeat(8000)}}`],
    ['too_deep', 'a prototype of thousands of lists', `{"__proto__":${'['.repeat(8000)}${']'.repeat(8000)}}`],
    ['too_deep', 'a replay of a replay of a replay', '[[[[[[{"light":1}]]]]]]'],
    ['too_large', 'a reading one byte too large', readingOf(BOUNDS.maxReadingBytes + 1)],
    [
      'too_large',
      'multi-byte characters above the limit in bytes',
      JSON.stringify(Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`t${i}`, '€'.repeat(1000)]))),
    ],
    ['too_large', 'ten thousand nested objects', nested(10_000)],
    ['too_large', 'five megabytes', Buffer.alloc(5_000_000, 0x20)],
    ['too_large', 'five megabytes that are not UTF-8', Buffer.alloc(5_000_000, 0xff)],
    ['too_large', 'a replay of 501 readings', JSON.stringify(Array(501).fill({ light: 1 }))],
    ['clock', 'a device time a millisecond too far ahead', `{"_at":${NOW + BOUNDS.maxClockAheadMs + 1}}`],
    ['clock', 'a device time a millisecond too old', `{"_at":${NOW - BOUNDS.maxClockBehindMs - 1}}`],
    ['clock', 'a device time in 1970', '{"light":1,"_at":0}'],
    ['clock', 'a device time in seconds', `{"light":1,"_at":${NOW / 1000}}`],
    ['clock', 'a device time in microseconds', `{"light":1,"_at":${NOW * 1000}}`],
  ])('as %s: %s', (reason, _what, payload) => {
    expect(parse(payload)).toMatchObject({ readings: NO_READINGS, rejected: [{ reason }] });
  });

  it.each<[what: string, payload: string, seqs: (number | undefined)[]]>([
    ['one reading', `{"light":"${'x'.repeat(1025)}","_seq":7}`, [7]],
    [
      'the bad ones of a replay',
      '[{"light":1,"_seq":1},{"_at":0,"_seq":2},{"_at":0},{"_seq":-1}]',
      [2, undefined, undefined],
    ],
    ['no reading of malformed JSON', '{"light":1,"_seq":7', [undefined]],
  ])('and returns the sequence of %s', (_what, payload, seqs) => {
    expect(parse(payload).rejected.map(({ seq }) => seq)).toEqual(seqs);
  });

  it.each([
    '{"light":1,"_n":0}',
    '{"light":1,"_n":1.5}',
    '{"light":1,"_n":"1"}',
    '{"light":1,"_dropped":-1}',
  ])('invalid counters: %s', (payload) => {
    expect(reasons(payload)).toEqual(['schema']);
  });

  it('keys that would change a prototype, without side effects', () => {
    for (const key of ['__proto__', '\\u005f_proto__', 'constructor'])
      parse(`{"light":1,"${key}":{"polluted":true,"prototype":{"polluted":true}}}`);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});

describe('parseTelemetry on a replay', () => {
  it('keeps the order of the readings', () => {
    const readings = [{ light: 3, _seq: 3 }, { light: 1, _seq: 1 }, { light: 2 }];
    const payload = JSON.stringify(readings);
    expect(parse(payload)).toEqual({
      readings: readings.map((reading) => ({ reading, json: JSON.stringify(reading) })),
      rejected: [],
    });
  });

  it('accepts 500 readings', () => {
    expect(accepted(JSON.stringify(Array(500).fill({ light: 1 })))).toHaveLength(500);
  });

  it('rejects only invalid readings, each with its reason', () => {
    const bad = {
      '412': 'schema',
      '{}': 'schema',
      null: 'schema',
      '{"light":1e999}': 'schema',
      '{"_at":1}': 'clock',
      '{"light":1,"light":2}': 'bad_json',
      '[{"light":1}]': 'schema',
      [nested(5)]: 'too_deep',
      [nested(2000)]: 'too_deep',
      [readingOf(BOUNDS.maxReadingBytes + 1)]: 'too_large',
    };
    for (const [text, reason] of Object.entries(bad)) {
      const payload = ` [ {"light":1} , ${text} , {"say":"],[{"} ] `;
      const beginning = payload.slice(0, 60);
      expect([beginning, accepted(payload)]).toEqual([beginning, [{ light: 1 }, { say: '],[{' }]]);
      expect([beginning, reasons(payload)]).toEqual([beginning, [reason]]);
    }
    expect(reasons(`[${Object.keys(bad).join(',')}]`)).toEqual(Object.values(bad));
  });

  it('limits the bytes of a reading, not its characters', () => {
    const wide = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`t${i}`, '€'.repeat(1000)]));
    expect(reasons(JSON.stringify([wide, { light: 1 }]))).toEqual(['too_large']);
  });
});

describe('parseTelemetry on any payload', () => {
  // Bytes, strings, JSON of every kind, and damaged JSON.
  const json = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value));
  const reading = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('_seq', '_at', 'light', 'led_on', '__proto__', 'constructor')),
    fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.maxSafeInteger(),
      fc.integer({ min: NOW - 1000, max: NOW + 1000 }),
    ),
  );
  const readings = fc
    .oneof(reading, fc.array(reading, { maxLength: 5 }))
    .map((value) => JSON.stringify(value));
  const damaged = fc.tuple(readings, fc.nat(), fc.uint8Array({ maxLength: 4 })).map(([text, at, bytes]) => {
    const buffer = Buffer.from(text);
    const cut = at % (buffer.length + 1);
    return Buffer.concat([buffer.subarray(0, cut), bytes, buffer.subarray(cut + bytes.length)]);
  });
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.oneof(fc.string({ unit: 'binary' }), json, readings).map((text) => Buffer.from(text)),
    damaged,
  );

  it('never throws, and every reason is in the closed set', () => {
    fc.assert(
      fc.property(payload, (bytes) => {
        const { readings, rejected } = parseTelemetry(bytes, NOW);
        expect(readings.length + rejected.length).toBeGreaterThan(0);
        for (const { reason } of rejected) expect(REJECT_REASONS).toContain(reason);
      }),
      { numRuns: 3000 },
    );
  });

  it('accepts or rejects each reading of a replay', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 1, maxLength: 20 }), (values) => {
        const { readings, rejected } = parse(JSON.stringify(values));
        expect(readings.length + rejected.length).toBe(values.length);
      }),
    );
  });

  it('returns JSON that parses to the same reading, within all bounds', () => {
    fc.assert(
      fc.property(payload, (bytes) => {
        for (const { reading, json } of parseTelemetry(bytes, NOW).readings) {
          expect(JSON.parse(json)).toEqual(reading);
          expect(readingSchema.safeParse(reading).error).toBeUndefined();
          expect(Buffer.byteLength(json)).toBeLessThanOrEqual(BOUNDS.maxReadingBytes);
          expect(json.isWellFormed() && JSON.stringify(reading).isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  const value = (depth: number): fc.Arbitrary<unknown> =>
    depth === 0
      ? fc.oneof(
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.boolean(),
          fc.constant(null),
          fc.string({ unit: 'grapheme', maxLength: 40 }),
        )
      : fc.oneof(
          value(0),
          fc.array(value(depth - 1), { maxLength: 5 }),
          fc.dictionary(fc.stringMatching(/^[a-z]{1,20}$/), value(depth - 1), {
            maxKeys: 5,
            noNullPrototype: true,
          }),
        );
  const good = fc
    .tuple(
      fc.dictionary(fc.stringMatching(/^[a-z]{1,20}$/), value(3), {
        minKeys: 1,
        maxKeys: 10,
        noNullPrototype: true,
      }),
      fc.record(
        {
          _seq: fc.maxSafeNat(),
          _at: fc.integer({ min: NOW - BOUNDS.maxClockBehindMs, max: NOW + BOUNDS.maxClockAheadMs }),
        },
        { requiredKeys: [] },
      ),
    )
    .map(([measurements, order]) => JSON.stringify({ ...measurements, ...order }))
    .filter(
      (text) => Buffer.byteLength(text) <= BOUNDS.maxReadingBytes && !/"constructor"|"prototype"/.test(text),
    );

  it('accepts every valid reading, alone or in a replay', () => {
    fc.assert(
      fc.property(good, (text) => {
        expect(reasons(text)).toEqual([]);
        expect(reasons(`[${text},${text}]`)).toEqual([]);
        expect(accepted(text)).toEqual([JSON.parse(text)]);
      }),
      { numRuns: 500 },
    );
  });
});

it('readingSchema converts to JSON Schema with its bounds', () => {
  const schema = z.toJSONSchema(readingSchema);
  expect(schema).toMatchObject({ type: 'object', properties: { _seq: { type: 'integer', minimum: 0 } } });
  expect(JSON.stringify(schema)).toContain(`"maxProperties":${BOUNDS.maxKeys}`);
});
