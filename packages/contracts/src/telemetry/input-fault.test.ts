import {
  acknowledgementFault,
  acknowledgementId,
  acknowledgementReason,
  parseAcknowledgement,
} from '../commands/command.js';
import { parsePresence, presenceFault, presenceReason } from '../devices/presence.js';
import { edgeFault } from '../edge/edge.js';
import { parseTopic } from '../topics.js';
import { inexactInteger, jsonFault } from './json-scan.js';
import { parseTelemetry } from './reading.js';
import { inexactFault, telemetryFault } from './reading-fault.js';
import { topicFault } from './topic-fault.js';

const NOW = Date.UTC(2026, 10, 22);
const HOUR = 3_600_000;
const bytes = (payload: string | Buffer) => Buffer.from(payload);
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

describe('telemetryFault', () => {
  it.each<[payload: string | Buffer, field: string | undefined, problem: string]>([
    ['', undefined, 'the payload is empty'],
    [
      'light=412',
      undefined,
      'invalid JSON at character 1: light is not a JSON value; strings need double quotes',
    ],
    ['{"light": 41', undefined, 'invalid JSON at character 13: the text ends early, "}" is missing'],
    ["{'light': 1}", undefined, `invalid JSON at character 2: "'" instead of a name in double quotes`],
    ['{"light": NaN}', undefined, 'invalid JSON at character 11: NaN is not a JSON value; use null'],
    ['{"led": True}', undefined, 'invalid JSON at character 9: True is not a JSON value; use true'],
    ['{"light":1,}', undefined, 'invalid JSON at character 12: a comma before "}"'],
    ['{"light":1,"light":2}', undefined, 'invalid JSON at character 12: the key "light" appears twice'],
    [Buffer.from([0x7b, 0xff]), undefined, 'the payload is not UTF-8 text (from character 2 on)'],
    ['x'.repeat(270_000), undefined, 'the payload has 270,000 bytes, at most 262,144'],
    [`{"text":"${'x'.repeat(20_000)}"}`, undefined, 'a reading of 20,011 bytes, at most 16,384'],
    ['412', undefined, 'a reading must be a JSON object, not 412'],
    ['"on"', undefined, 'a reading must be a JSON object, not the string "on"'],
    ['{}', undefined, 'the reading is empty; it needs at least one key'],
    ['[]', undefined, 'a replay needs at least one reading; the list is empty'],
    [
      JSON.stringify(Array.from({ length: 501 }, () => ({ light: 1 }))),
      undefined,
      'a replay of 501 readings, at most 500',
    ],
    ['{"light":1,"_seq":"7"}', '/_seq', '`_seq` must be an integer, not the string "7"'],
    ['{"light":1,"_seq":1.5}', '/_seq', '`_seq` must be an integer, not 1.5'],
    ['{"light":1,"_seq":-1}', '/_seq', '`_seq` is -1, at least 0'],
    [
      '{"light":1,"_seq":9007199254740993}',
      '/_seq',
      '`_seq` is larger than 2^53-1 and cannot be kept exactly',
    ],
    [`{"_at":${NOW / 1000}}`, '/_at', '`_at` looks like seconds, expected milliseconds'],
    [`{"_at":${NOW / 1000 + 0.25}}`, '/_at', '`_at` looks like seconds, expected milliseconds'],
    [`{"_at":${NOW * 1000}}`, '/_at', '`_at` looks like microseconds, expected milliseconds'],
    [`{"_at":${NOW}000000}`, '/_at', '`_at` looks like nanoseconds, expected milliseconds'],
    [`{"_at":${NOW + 3 * HOUR}}`, '/_at', '`_at` is 3 h ahead of server time, at most 5 min'],
    [`{"_at":${NOW - 45 * 24 * HOUR}}`, '/_at', '`_at` is 45 d behind server time, at most 30 d'],
    [
      '{"_at":"2026-11-22"}',
      '/_at',
      '`_at` must be an integer, milliseconds since 1970, not the string "2026-11-22"',
    ],
    [`{"light":"${'x'.repeat(5000)}"}`, '/light', '`light` is a string of 5,000 characters, at most 1,024'],
    ['{"light":1e999}', '/light', '`light` is larger than any double'],
    ['{"a":{"say":"\\ud800"}}', '/a/say', '`a.say` holds half of a surrogate pair, such as \\ud800'],
    ['{"__proto__":1}', '/__proto__', '`__proto__` is not allowed as a name'],
    [`{"${'n'.repeat(65)}":1}`, `/${'n'.repeat(65)}`, 'a name of 65 characters, at most 64'],
    [`{"list":[${'1,'.repeat(64)}1]}`, '/list', '`list` is a list of 65 items, at most 64'],
    [nested(7), undefined, '7 levels of nesting, at most 4'],
    [
      '[{"light":1},{"_seq":"x"},5]',
      '/1/_seq',
      'reading 2 of 3: `_seq` must be an integer, not the string "x"',
    ],
  ])('%.40s', (payload, field, problem) => {
    const fault = telemetryFault(bytes(payload), NOW);
    expect([fault?.field, fault?.problem]).toEqual([field, problem]);
    expect(parseTelemetry(bytes(payload), NOW).rejected[0]?.reason).toBe(fault?.reason);
  });

  it('is undefined for an accepted payload', () => {
    for (const payload of [
      '{"light":1}',
      `[{"_seq":1,"_at":${NOW}},{"x":{"y":[1,null,true,"z"]}}]`,
      nested(4),
    ]) {
      expect(parseTelemetry(bytes(payload), NOW).rejected).toEqual([]);
      expect(telemetryFault(bytes(payload), NOW)).toBeUndefined();
    }
  });

  it('does not recurse, however deep the payload', () => {
    const deep = `[{"light":1},${'['.repeat(100_000)}${']'.repeat(100_000)}]`;
    expect(telemetryFault(bytes(deep), NOW)?.reason).toBe('too_large');
    expect(jsonFault('['.repeat(200_000))?.problem).toBe('the text ends early, "]" is missing');
  });
});

it.each(['{"a":[1,-0.5e+3,true,false,null,"\\u00e9\\n"],"b":{}}', ' [ ] ', '"text"', '0'])(
  'JSON.parse and the scanner agree that %s is JSON',
  (text) => {
    JSON.parse(text);
    expect(jsonFault(text)).toBeUndefined();
  },
);

it.each([
  '{"a" 1}',
  '{"a":}',
  '[1 2]',
  '[1,,2]',
  '01',
  '+1',
  '.5',
  '1.',
  '"\\x41"',
  '"\t"',
  '"open',
  '{"a":1}}',
  '[',
  'tru',
  '{"a":1/*c*/}',
])('jsonFault and JSON.parse both reject %s', (text) => {
  expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  expect(jsonFault(text)).toBeDefined();
});

describe('inexactFault', () => {
  it('names an integer beyond 2^53 and the value that it becomes', () => {
    expect(inexactFault(bytes('{"light":1,"ids":[1,9007199254740993]}'))).toEqual({
      reason: 'inexact',
      field: '/ids/1',
      problem:
        '`ids.1` is 9007199254740993, beyond 2^53-1: it is read as 9007199254740992; send it as a string to keep all digits',
    });
  });

  it('ignores numbers with a fraction or an exponent, and exact integers', () => {
    for (const text of [
      '{"a":1e300}',
      '{"a":9007199254740993.5}',
      '{"a":9007199254740991}',
      '{"a":"9007199254740993"}',
    ])
      expect(inexactInteger(text)).toBeUndefined();
  });

  it('marks a reading as suspicious at any depth, and in a replay', () => {
    const huge = (payload: string) => parseTelemetry(bytes(payload), NOW).huge;
    expect(huge('{"id":9007199254740993}')).toBe(true);
    expect(huge('{"a":{"b":[-9007199254740993]}}')).toBe(true);
    expect(huge('[{"id":9007199254740993},{"id":1},{"id":1e30}]')).toBe(true);
    expect(huge('{"id":9007199254740991}')).toBeUndefined();
  });
});

describe('presenceFault', () => {
  it.each<[payload: string, field: string | undefined, problem: string]>([
    [
      'hello',
      undefined,
      'invalid JSON at character 1: hello is not a JSON value; strings need double quotes',
    ],
    ['[1]', undefined, 'a birth or will must be a JSON object, not a list'],
    ['{"session":1}', undefined, '`online` is missing: true in a birth, false in a will'],
    [
      '{"online":"yes","session":1}',
      '/online',
      '`online` must be true (a birth) or false (a will), not the string "yes"',
    ],
    [
      '{"online":true}',
      undefined,
      '`session` is missing: an integer that grows with each connection, such as milliseconds since 1970',
    ],
    ['{"online":true,"session":"first"}', '/session', '`session` must be an integer, not the string "first"'],
    [
      '{"online":true,"session":9007199254740993}',
      '/session',
      '`session` is larger than 2^53-1 and cannot be kept exactly',
    ],
    [
      '{"online":true,"session":1,"telemetry":"some"}',
      '/telemetry',
      '`telemetry` must be "latest" or "keep", not the string "some"',
    ],
    ['{"online":true,"session":1,"sleeps":0}', '/sleeps', '`sleeps` is 0, at least 1000'],
    [
      '{"online":true,"session":1,"sleeps":604800001}',
      '/sleeps',
      '`sleeps` is 604,800,001 ms, at most 604,800,000',
    ],
    [`{"a":"${'x'.repeat(2000)}"}`, undefined, 'the payload has 2,008 bytes, at most 1,024'],
  ])('%.40s', (payload, field, problem) => {
    expect(parsePresence(bytes(payload))).toBeUndefined();
    const fault = presenceFault(bytes(payload));
    expect([fault.field, fault.problem, fault.reason]).toEqual([
      field,
      problem,
      presenceReason(bytes(payload)),
    ]);
  });
});

describe('acknowledgementFault', () => {
  it.each<[payload: string, field: string | undefined, problem: string]>([
    ['', undefined, 'the payload is empty'],
    [
      '{"status":"ok"}',
      '/status',
      '`status` must be one of acknowledged, succeeded, failed, rejected, not the string "ok"',
    ],
    ['{"id":"x","status":"SUCCEEDED"}', '/status', 'status `SUCCEEDED`: use lower case'],
    ['{"status":"succeeded"}', undefined, '`id` is missing: repeat the `id` of the `_cmd` of the command'],
    ['{"id":"x"}', undefined, '`status` is missing: one of acknowledged, succeeded, failed, rejected'],
    ['{"id":7,"status":"succeeded"}', '/id', '`id` must be a string, not 7'],
    [
      `{"id":"x","status":"failed","reason":"${'r'.repeat(300)}"}`,
      '/reason',
      '`reason` has 300 characters, at most 256',
    ],
    [
      `{"id":"x","status":"failed","result":${nested(10)}}`,
      '/result',
      '`result` must be JSON of at most 8 levels, without keys such as "__proto__"',
    ],
  ])('%.50s', (payload, field, problem) => {
    expect(parseAcknowledgement(bytes(payload))).toBeUndefined();
    const fault = acknowledgementFault(bytes(payload));
    expect([fault.field, fault.problem, fault.reason]).toEqual([
      field,
      problem,
      acknowledgementReason(bytes(payload)),
    ]);
  });

  it('acknowledgementId returns the id if it is valid', () => {
    expect(acknowledgementId(bytes('{"id":"x","status":"OK"}'))).toBe('x');
    for (const payload of ['', '{"id":7}', '[]', '{"status":"ok"}'])
      expect(acknowledgementId(bytes(payload))).toBeUndefined();
  });
});

it.each<[value: unknown, field: string, problem: string]>([
  [5, '/_edge', '`_edge`: it must be an object'],
  [{ rule: 'r', dropped: -1 }, '/_edge/dropped', '`_edge`: `dropped` must be at least 0'],
  [
    { rule: 'r', decisions: ['{'] },
    '/_edge/decisions/0',
    'decision 1: invalid JSON at character 2: the text ends early, "}" is missing',
  ],
])('edgeFault explains %j', (value, field, problem) => {
  expect(edgeFault(value)).toMatchObject({ field, problem });
});

it('edgeFault is undefined for a valid report', () => {
  expect(edgeFault({ rule: 'night-light' })).toBeUndefined();
});

describe('topicFault', () => {
  it.each([
    ['demo/telemetry/', 'topic', 'the topic ends with a slash; topics are <fleet>/<kind>/<device>'],
    ['demo/telemetry/x/', 'topic', 'the topic ends with a slash; topics are <fleet>/<kind>/<device>'],
    [
      'demo/telemetry/x/light',
      'sub_topic',
      'one JSON object per reading on <fleet>/telemetry/<device>; sub-topics are not read',
    ],
    ['demo/presence', 'topic', 'the topic names no device; topics are <fleet>/<kind>/<device>'],
    ['demo/presence/x/y', 'sub_topic', 'too many levels; topics are <fleet>/<kind>/<device>'],
    [
      'demo/telemetry/my lamp',
      'identity',
      '"my lamp" is not a valid name: 1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit',
    ],
  ])('%s', (topic, reason, problem) => {
    expect(parseTopic(topic)).toBeUndefined();
    expect(topicFault(topic)).toEqual({ reason, problem });
  });
});
