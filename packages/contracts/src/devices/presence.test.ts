import fc from 'fast-check';
import { parsePresence } from './presence.js';

const parse = (payload: string | Uint8Array) => parsePresence(Buffer.from(payload));

describe('parsePresence', () => {
  it.each<[what: string, payload: string, birth: object]>([
    ['only a session', '{"online":true,"session":1}', { online: true, session: 1 }],
    [
      'everything',
      '{"online":true,"session":1763769600000,"at":1763769600001,"telemetry":"keep"}',
      { online: true, session: 1763769600000, at: 1763769600001, telemetry: 'keep' },
    ],
    ['sleeps', '{"online":true,"session":1,"sleeps":600000}', { online: true, session: 1, sleeps: 600_000 }],
    [
      'forgetAfter',
      '{"online":true,"session":1,"forgetAfter":60000}',
      { online: true, session: 1, forgetAfter: 60_000 },
    ],
    ['an unknown field', '{"online":true,"session":1,"firmware":"2.1"}', { online: true, session: 1 }],
  ])('reads a birth with %s', (_what, payload, birth) => {
    expect(parse(payload)).toEqual(birth);
  });
});

it('parsePresence reads a will', () => {
  expect(parse('{"online":false,"session":1763769600000}')).toEqual({
    online: false,
    session: 1763769600000,
  });
});

it.each<[what: string, payload: string | Uint8Array]>([
  ['an empty payload, as when a retained message is cleared', ''],
  ['malformed JSON', 'online'],
  ['bytes that are not UTF-8', Buffer.from([0xc3, 0x28])],
  ['a list', '[{"online":true,"session":1}]'],
  ['null', 'null'],
  ['no session', '{"online":true}'],
  ['session zero', '{"online":true,"session":0}'],
  ['a negative session', '{"online":false,"session":-1}'],
  ['a session with a fraction', '{"online":true,"session":1.5}'],
  ['a session beyond 2^53', '{"online":true,"session":9007199254740993}'],
  ['a session that is a string', '{"online":true,"session":"1"}'],
  ['online as a string', '{"online":"true","session":1}'],
  ['online as a number', '{"online":1,"session":1}'],
  ['no online', '{"session":1}'],
  ['an unknown telemetry policy', '{"online":true,"session":1,"telemetry":"some"}'],
  ['sleeps of 0', '{"online":true,"session":1,"sleeps":0}'],
  ['sleeps of more than a week', '{"online":true,"session":1,"sleeps":604800001}'],
  ['forgetAfter below a second', '{"online":true,"session":1,"forgetAfter":999}'],
  ['forgetAfter above a year', '{"online":true,"session":1,"forgetAfter":31536000001}'],
  ['more than a kilobyte', JSON.stringify({ online: true, session: 1, padding: 'x'.repeat(1024) })],
  ['ten thousand levels', `{"online":true,"session":${'['.repeat(10_000)}`],
])('parsePresence rejects %s', (_what, payload) => {
  expect(parse(payload)).toBeUndefined();
});

it('parsePresence never throws', () => {
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
