import fc from 'fast-check';
import { BOUNDS } from '../bounds.js';
import {
  ACKNOWLEDGEMENT_STATUSES,
  type Action,
  acknowledgementSchema,
  actionSchema,
  COMMAND_STATES,
  commandPayload,
  defaultLane,
  deliverySchema,
  FINAL_STATES,
  laneSchema,
  ON_FAILURE,
  OPEN_STATES,
  parseAcknowledgement,
} from './command.js';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const action = fc
  .dictionary(name, fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' }), { minKeys: 1, maxKeys: 6 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Action)
  .filter((value) => actionSchema.safeParse(value).success);
const envelope = fc.record({
  id: name,
  lane: name,
  seq: fc.maxSafeNat(),
  attempt: fc.integer({ min: 1, max: 5 }),
  expiresAt: fc.maxSafeNat(),
});
/** Lists nested to this many levels. */
const lists = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

it('divides the command states into open and final ones', () => {
  expect(new Set(COMMAND_STATES).size).toBe(OPEN_STATES.length + FINAL_STATES.length);
});

describe('commandPayload', () => {
  it('is the unchanged action for a device without a birth', () => {
    fc.assert(
      fc.property(action, (value) => {
        const json = JSON.stringify(value);
        expect(commandPayload(json)).toBe(json);
      }),
    );
  });

  it('appends `_cmd` to the unchanged action for a device with a birth', () => {
    fc.assert(
      fc.property(action, envelope, (value, cmd) => {
        const json = JSON.stringify(value);
        const payload = commandPayload(json, cmd);
        expect(payload.startsWith(json.slice(0, -1))).toBe(true);
        const { _cmd, ...rest } = JSON.parse(payload) as Action;
        expect([_cmd, rest]).toEqual([cmd, value]);
      }),
    );
  });

  it('fits into the 128 bytes of the lesson device', () => {
    expect(commandPayload('{"led_on":true}')).toBe('{"led_on":true}');
  });
});

describe('actionSchema', () => {
  it.each<[what: string, value: unknown]>([
    ['one key', { led_on: true }],
    ['any JSON value', { a: null, b: 1.5, c: 'x', d: [1, { e: [] }], f: {} }],
    ['a key of 64 characters', { ['k'.repeat(64)]: 1 }],
    ['the deepest allowed nesting', { a: lists(BOUNDS.maxJsonDepth) }],
    ['exactly the largest size', { a: 'x'.repeat(BOUNDS.maxActionBytes - 8) }],
  ])('accepts %s', (_what, value) => {
    expect(actionSchema.parse(value)).toEqual(value);
  });

  it.each<[what: string, value: unknown, message: RegExp]>([
    ['no keys', {}, /at least one key/],
    ['a reserved key', { _cmd: 1 }, /Invalid key/],
    ['an empty key', { '': 1 }, /Invalid key/],
    ['a key of 65 characters', { ['k'.repeat(65)]: 1 }, /Invalid key/],
    ['a key with a blank', { 'led on': 1 }, /Invalid key/],
    ['a key beyond ASCII', { läd: 1 }, /Invalid key/],
    ['one level too many', { a: lists(BOUNDS.maxJsonDepth + 1) }, /levels/],
    ['ten thousand levels', { a: lists(10_000) }, /levels/],
    ['a nested __proto__ key', JSON.parse('{"a":{"__proto__":{"x":1}}}'), /__proto__/],
    ['a lone surrogate', { say: '\ud800' }, /must be JSON/],
    ['a number that is not finite', { a: Number.POSITIVE_INFINITY }, /must be JSON/],
    ['one byte too many', { a: 'x'.repeat(BOUNDS.maxActionBytes - 7) }, /4096 bytes/],
    ['few characters of many bytes', { a: '€'.repeat(1400) }, /4096 bytes/],
    ['a list instead of an object', [1], /expected record/],
    ['null', null, /expected record/],
    ['a string', 'on', /expected record/],
  ])('rejects %s', (_what, value, message) => {
    expect(actionSchema.safeParse(value).error?.message).toMatch(message);
  });

  it('drops an own __proto__ key', () => {
    const parsed = actionSchema.parse(JSON.parse('{"led_on":true,"__proto__":{"polluted":true}}'));
    expect([JSON.stringify(parsed), Reflect.get(parsed, 'polluted')]).toEqual(['{"led_on":true}', undefined]);
  });
});

describe('defaultLane', () => {
  it('is the first key of the action', () => {
    expect([defaultLane({ led_on: true }), defaultLane({ led_on: false, fade: 1 })]).toEqual([
      'led_on',
      'led_on',
    ]);
  });

  it('is a valid lane and differs between keys of any length', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(laneSchema.safeParse(defaultLane({ [one]: 1 })).success).toBe(true);
        expect(defaultLane({ [one]: 1 }) === defaultLane({ [other]: 1 })).toBe(one === other);
      }),
    );
    const long = 'k'.repeat(63);
    expect(defaultLane({ [`${long}1`]: 1 })).not.toBe(defaultLane({ [`${long}2`]: 1 }));
  });
});

describe('deliverySchema', () => {
  it('has defaults', () => {
    expect(deliverySchema.parse({})).toEqual({ policy: 'latest', ttl: '1h', timeout: '1m', attempts: 5 });
  });

  it.each(ON_FAILURE)('accepts onFailure %s with policy ordered', (onFailure) => {
    expect(deliverySchema.parse({ policy: 'ordered', onFailure })).toMatchObject({ onFailure });
  });

  it.each(['latest', 'now', undefined])('rejects onFailure with policy %s', (policy) => {
    const { error } = deliverySchema.safeParse({ policy, onFailure: 'skip' });
    expect(error?.issues).toMatchObject([
      { path: ['onFailure'], message: expect.stringMatching(/only valid with policy "ordered"/) },
    ]);
  });

  it.each([
    ['an unknown policy', { policy: 'sometimes' }],
    ['a lane with a slash', { lane: 'led/0' }],
    ['a lane with a blank', { lane: 'led 1' }],
    ['an empty lane', { lane: '' }],
    ['a time to live below a second', { ttl: '999ms' }],
    ['a time to live above thirty days', { ttl: '31d' }],
    ['a huge time to live', { ttl: '999999999d' }],
    ['a negative time to live', { ttl: '-1h' }],
    ['a time to live that is a number', { ttl: 60 }],
    ['a timeout below a second', { timeout: '999ms' }],
    ['a timeout above a day', { timeout: '25h' }],
    ['zero attempts', { attempts: 0 }],
    ['more than twenty attempts', { attempts: 21 }],
    ['half an attempt', { attempts: 1.5 }],
    ['an unknown onFailure', { policy: 'ordered', onFailure: 'retry' }],
    ['an unknown key', { lanes: 'led' }],
  ])('rejects %s', (_what, value) => {
    expect(deliverySchema.safeParse(value).success).toBe(false);
  });
});

describe('parseAcknowledgement', () => {
  const parse = (value: unknown) => parseAcknowledgement(Buffer.from(JSON.stringify(value)));

  it.each(ACKNOWLEDGEMENT_STATUSES)('accepts the status %s', (status) => {
    expect(parse({ id: '1', status })).toEqual({ id: '1', status });
  });

  it('accepts a reason and a result, and omits other fields', () => {
    expect(parse({ id: '1', status: 'failed', reason: 'stuck', result: [1, { a: null }], at: 5 })).toEqual({
      id: '1',
      status: 'failed',
      reason: 'stuck',
      result: [1, { a: null }],
    });
  });

  it.each<[what: string, payload: string | Uint8Array]>([
    ['an empty payload', ''],
    ['malformed JSON', '{"id":"1","status":"succeeded"'],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0x00])],
    ['a list', '[]'],
    ['no id', '{"status":"succeeded"}'],
    ['an empty id', '{"id":"","status":"succeeded"}'],
    ['an id of 65 characters', JSON.stringify({ id: 'x'.repeat(65), status: 'succeeded' })],
    ['an id that is a number', '{"id":1,"status":"succeeded"}'],
    ['no status', '{"id":"1"}'],
    ['a status that only the server sets', '{"id":"1","status":"unknown"}'],
    ['a reason of 257 characters', JSON.stringify({ id: '1', status: 'failed', reason: 'x'.repeat(257) })],
    [
      'a result of ten thousand levels',
      `{"id":"1","status":"failed","result":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    ],
    ['a result of 64 kB and more', JSON.stringify({ id: '1', status: 'failed', result: 'x'.repeat(70_000) })],
    ['a prototype in its result', '{"id":"1","status":"failed","result":{"__proto__":{"x":1}}}'],
  ])('rejects %s', (_what, payload) => {
    expect(parseAcknowledgement(Buffer.from(payload))).toBeUndefined();
  });

  it('never throws', () => {
    const near = fc
      .record(
        {
          id: fc.oneof(fc.string(), fc.anything()),
          status: fc.oneof(fc.constantFrom(...ACKNOWLEDGEMENT_STATUSES), fc.string()),
          reason: fc.oneof(fc.string(), fc.integer()),
          result: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((value) =>
        Buffer.from(JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? 1 : inner))),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          near,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        (payload) => {
          const parsed = parseAcknowledgement(payload);
          if (parsed !== undefined)
            expect(acknowledgementSchema.parse(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
