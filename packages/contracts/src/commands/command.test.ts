import fc from 'fast-check';
import { BOUNDS } from '../bounds.js';
import {
  type Action,
  ANSWER_STATUSES,
  actionSchema,
  answerSchema,
  COMMAND_STATES,
  commandPayload,
  defaultLane,
  deliverySchema,
  FINAL_STATES,
  laneSchema,
  ON_FAILURE,
  OPEN_STATES,
  parseAnswer,
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
/** A value of this many levels of lists. */
const lists = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

it('every state is open or final, none is both', () => {
  expect(new Set(COMMAND_STATES).size).toBe(OPEN_STATES.length + FINAL_STATES.length);
});

describe('the payload of a command', () => {
  it('is the action byte for byte for a device that never announced itself', () => {
    fc.assert(
      fc.property(action, (value) => {
        const json = JSON.stringify(value);
        expect(commandPayload(json)).toBe(json);
      }),
    );
  });

  it('is the action byte for byte and `_cmd` behind it for a device that did', () => {
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

  it('of the lesson fits into the 128 bytes of its device', () => {
    expect(commandPayload('{"led_on":true}')).toBe('{"led_on":true}');
  });
});

describe('an action', () => {
  it.each<[what: string, value: unknown]>([
    ['one key', { led_on: true }],
    ['any JSON value', { a: null, b: 1.5, c: 'x', d: [1, { e: [] }], f: {} }],
    ['a key of 64 characters', { ['k'.repeat(64)]: 1 }],
    ['as many levels as it may', { a: lists(BOUNDS.maxJsonDepth) }],
    ['exactly the largest size', { a: 'x'.repeat(BOUNDS.maxActionBytes - 8) }],
  ])('is taken with %s', (_what, value) => {
    expect(actionSchema.parse(value)).toEqual(value);
  });

  it.each<[what: string, value: unknown, message: RegExp]>([
    ['no keys', {}, /at least one key/],
    ['a key of the protocol', { _cmd: 1 }, /Invalid key/],
    ['an empty key', { '': 1 }, /Invalid key/],
    ['a key of 65 characters', { ['k'.repeat(65)]: 1 }, /Invalid key/],
    ['a key with a blank', { 'led on': 1 }, /Invalid key/],
    ['a key beyond ASCII', { läd: 1 }, /Invalid key/],
    ['one level too many', { a: lists(BOUNDS.maxJsonDepth + 1) }, /levels/],
    ['ten thousand levels', { a: lists(10_000) }, /levels/],
    ['the prototype far down', JSON.parse('{"a":{"__proto__":{"x":1}}}'), /__proto__/],
    ['a lone surrogate', { say: '\ud800' }, /must be JSON/],
    ['a number that JSON cannot write', { a: Number.POSITIVE_INFINITY }, /must be JSON/],
    ['one byte too many', { a: 'x'.repeat(BOUNDS.maxActionBytes - 7) }, /4096 bytes/],
    ['few characters of many bytes', { a: '€'.repeat(1400) }, /4096 bytes/],
    ['a list instead of an object', [1], /expected record/],
    ['nothing', null, /expected record/],
    ['a text', 'on', /expected record/],
  ])('is refused with %s', (_what, value, message) => {
    expect(actionSchema.safeParse(value).error?.message).toMatch(message);
  });

  it('never carries a prototype of its own', () => {
    const parsed = actionSchema.parse(JSON.parse('{"led_on":true,"__proto__":{"polluted":true}}'));
    expect([JSON.stringify(parsed), Reflect.get(parsed, 'polluted')]).toEqual(['{"led_on":true}', undefined]);
  });
});

describe('the lane of a command that names none', () => {
  it('is its first key, so that on and off share one', () => {
    expect([defaultLane({ led_on: true }), defaultLane({ led_on: false, fade: 1 })]).toEqual([
      'led_on',
      'led_on',
    ]);
  });

  it('is a lane, and another for another key, however long', () => {
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

describe('a delivery', () => {
  it('has defaults: the latest wins, for an hour', () => {
    expect(deliverySchema.parse({})).toEqual({ policy: 'latest', ttl: '1h', timeout: '1m', attempts: 5 });
  });

  it.each(ON_FAILURE)('of an ordered lane may say what its failure means to the rest: %s', (onFailure) => {
    expect(deliverySchema.parse({ policy: 'ordered', onFailure })).toMatchObject({ onFailure });
  });

  it.each(['latest', 'now', undefined])('of policy %s cannot, and is told why', (policy) => {
    const { error } = deliverySchema.safeParse({ policy, onFailure: 'skip' });
    expect(error?.issues).toMatchObject([
      { path: ['onFailure'], message: expect.stringMatching(/only for policy "ordered"/) },
    ]);
  });

  it.each([
    ['an unknown policy', { policy: 'sometimes' }],
    ['a lane with a slash, which would reach into another lane', { lane: 'led/0' }],
    ['a lane with a blank', { lane: 'led 1' }],
    ['an empty lane', { lane: '' }],
    ['a time to live below a second', { ttl: '999ms' }],
    ['a time to live above thirty days', { ttl: '31d' }],
    ['a huge time to live', { ttl: '999999999d' }],
    ['a negative time to live', { ttl: '-1h' }],
    ['a time to live that is a number', { ttl: 60 }],
    ['a timeout below a second', { timeout: '999ms' }],
    ['a timeout above a day', { timeout: '25h' }],
    ['no attempt at all', { attempts: 0 }],
    ['more than twenty attempts', { attempts: 21 }],
    ['half an attempt', { attempts: 1.5 }],
    ['a failure that is nobody’s policy', { policy: 'ordered', onFailure: 'retry' }],
    ['a key that nobody knows', { lanes: 'led' }],
  ])('is refused with %s', (_what, value) => {
    expect(deliverySchema.safeParse(value).success).toBe(false);
  });
});

describe('an answer of a device', () => {
  const parse = (value: unknown) => parseAnswer(Buffer.from(JSON.stringify(value)));

  it.each(ANSWER_STATUSES)('may be %s', (status) => {
    expect(parse({ id: '1', status })).toEqual({ id: '1', status });
  });

  it('may give a reason and a result, and what else it holds is left out', () => {
    expect(parse({ id: '1', status: 'failed', reason: 'stuck', result: [1, { a: null }], at: 5 })).toEqual({
      id: '1',
      status: 'failed',
      reason: 'stuck',
      result: [1, { a: null }],
    });
  });

  it.each<[what: string, payload: string | Uint8Array]>([
    ['nothing', ''],
    ['no JSON', '{"id":"1","status":"succeeded"'],
    ['bytes that are no text', Buffer.from([0xff, 0x00])],
    ['a list', '[]'],
    ['no id', '{"status":"succeeded"}'],
    ['an empty id', '{"id":"","status":"succeeded"}'],
    ['an id of 65 characters', JSON.stringify({ id: 'x'.repeat(65), status: 'succeeded' })],
    ['an id that is a number', '{"id":1,"status":"succeeded"}'],
    ['no status', '{"id":"1"}'],
    ['a status that only the server gives', '{"id":"1","status":"unknown"}'],
    ['a reason of 257 characters', JSON.stringify({ id: '1', status: 'failed', reason: 'x'.repeat(257) })],
    [
      'a result of ten thousand levels',
      `{"id":"1","status":"failed","result":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    ],
    ['a result of 64 kB and more', JSON.stringify({ id: '1', status: 'failed', result: 'x'.repeat(70_000) })],
    ['a prototype in its result', '{"id":"1","status":"failed","result":{"__proto__":{"x":1}}}'],
  ])('is none with %s', (_what, payload) => {
    expect(parseAnswer(Buffer.from(payload))).toBeUndefined();
  });

  it('is read or not, whatever arrives, and never throws', () => {
    const near = fc
      .record(
        {
          id: fc.oneof(fc.string(), fc.anything()),
          status: fc.oneof(fc.constantFrom(...ANSWER_STATUSES), fc.string()),
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
          const answer = parseAnswer(payload);
          if (answer !== undefined)
            expect(answerSchema.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
