import fc from 'fast-check';
import { parsePresence } from './presence.js';

const parse = (payload: string | Uint8Array) => parsePresence(Buffer.from(payload));

describe('a birth', () => {
  it.each<[what: string, payload: string, birth: object]>([
    ['its session only', '{"online":true,"session":1}', { online: true, session: 1 }],
    [
      'everything',
      '{"online":true,"session":1763769600000,"at":1763769600001,"telemetry":"keep"}',
      { online: true, session: 1763769600000, at: 1763769600001, telemetry: 'keep' },
    ],
    [
      'the time it sleeps between reports',
      '{"online":true,"session":1,"sleeps":600000}',
      { online: true, session: 1, sleeps: 600_000 },
    ],
    [
      'after how long away it may be removed',
      '{"online":true,"session":1,"forgetAfter":60000}',
      { online: true, session: 1, forgetAfter: 60_000 },
    ],
    ['more than we know', '{"online":true,"session":1,"firmware":"2.1"}', { online: true, session: 1 }],
  ])('is read with %s', (_what, payload, birth) => {
    expect(parse(payload)).toEqual(birth);
  });
});

it('a will is read', () => {
  expect(parse('{"online":false,"session":1763769600000}')).toEqual({
    online: false,
    session: 1763769600000,
  });
});

it.each<[what: string, payload: string | Uint8Array]>([
  ['nothing, as when a retained message is cleared', ''],
  ['no JSON', 'online'],
  ['bytes that are no text', Buffer.from([0xc3, 0x28])],
  ['a list', '[{"online":true,"session":1}]'],
  ['null', 'null'],
  ['no session', '{"online":true}'],
  ['session zero', '{"online":true,"session":0}'],
  ['a negative session', '{"online":false,"session":-1}'],
  ['a session with a fraction', '{"online":true,"session":1.5}'],
  ['a session that no double holds', '{"online":true,"session":9007199254740993}'],
  ['a session that is a text', '{"online":true,"session":"1"}'],
  ['online as a text', '{"online":"true","session":1}'],
  ['online as a number', '{"online":1,"session":1}'],
  ['no word of online', '{"session":1}'],
  ['a telemetry policy that nobody knows', '{"online":true,"session":1,"telemetry":"some"}'],
  ['a sleep of no time', '{"online":true,"session":1,"sleeps":0}'],
  ['a sleep of more than a week', '{"online":true,"session":1,"sleeps":604800001}'],
  ['a removal after less than a second', '{"online":true,"session":1,"forgetAfter":999}'],
  ['a removal after more than a year', '{"online":true,"session":1,"forgetAfter":31536000001}'],
  ['more than a kilobyte', JSON.stringify({ online: true, session: 1, padding: 'x'.repeat(1024) })],
  ['ten thousand levels', `{"online":true,"session":${'['.repeat(10_000)}`],
])('%s is neither birth nor will', (_what, payload) => {
  expect(parse(payload)).toBeUndefined();
});

it('is read or not, whatever arrives, and never throws', () => {
  const near = fc
    .record(
      { online: fc.boolean(), session: fc.oneof(fc.maxSafeInteger(), fc.double()), at: fc.integer() },
      { requiredKeys: [] },
    )
    .map((value) => Buffer.from(JSON.stringify(value)));
  fc.assert(
    fc.property(
      fc.oneof(
        near,
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
      (payload) => {
        const presence = parsePresence(payload);
        if (presence === undefined) return;
        expect(Number.isSafeInteger(presence.session) && presence.session > 0).toBe(true);
        expect(parse(JSON.stringify(presence))).toEqual(presence);
      },
    ),
    { numRuns: 1000 },
  );
});
