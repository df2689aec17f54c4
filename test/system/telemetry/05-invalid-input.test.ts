import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const big = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes) });
const GARBAGE: [what: string, payload: string | Buffer, reason: string][] = [
  ['text that is no JSON', 'light=412', 'bad_json'],
  ['truncated JSON', '{"light":4', 'bad_json'],
  ['nothing at all', '', 'bad_json'],
  ['binary', Buffer.from([0xff, 0xfe, 0x00, 0x80]), 'binary'],
  ['a lone surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'binary'],
  ['a lone surrogate in an escape', '{"text":"\\ud800"}', 'schema'],
  ['a byte order mark', '\ufeff{"light":412}', 'bad_json'],
  ['a number', '412', 'schema'],
  ['null', 'null', 'schema'],
  ['an empty object', '{}', 'schema'],
  ['an empty replay', '[]', 'schema'],
  ['NaN', '{"light":NaN}', 'bad_json'],
  ['a number beyond all numbers', '{"light":1e999}', 'schema'],
  ['a duplicate key', '{"light":1,"light":2}', 'bad_json'],
  ['2,000 levels', `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`, 'too_deep'],
  ['10,000 levels of a replay', `${'['.repeat(10_000)}1${']'.repeat(10_000)}`, 'too_large'],
  ['a reading of 20 kB', big(20_000), 'too_large'],
  ['a prototype', '{"__proto__":{"light":1}}', 'schema'],
  ['a prototype in disguise', '{"\\u005f_proto__":{"light":1}}', 'schema'],
  ['a sequence that is no number', '{"light":1,"_seq":"7"}', 'schema'],
  ['a negative sequence', '{"light":1,"_seq":-1}', 'schema'],
  ['a device clock in the next year', `{"light":1,"_at":${Date.now() + 366 * 86_400_000}}`, 'clock'],
  ['a device clock at 1970', '{"light":1,"_at":0}', 'clock'],
];

describe('garbage', () => {
  it.each(GARBAGE)(
    '%s is counted, sampled, and does not stop the next reading',
    async (_what, payload, reason) => {
      const fleet = await stack.broker.newFleet();
      const lamp = await connectDevice(fleet);
      const rejected = () => stack.metric('lamplighter_telemetry_rejected_total', { reason });
      const before = await rejected();
      await lamp.publish(`${fleet.name}/telemetry/lamp-0001`, payload);
      await lamp.sendReading({ light: 299 });
      expect(await lamp.nextCommand()).toEqual({ led_on: true });
      expect(await rejected()).toBe(before + 1);
      expect(({} as Record<string, unknown>).light).toBeUndefined();
    },
  );

  it('shows samples of what was refused, with topic and reason', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    // Samples are few per second, so the message is sent until one of them is it.
    const sample = await until(
      async () => {
        await lamp.publish(`${fleet.name}/telemetry/lamp-0001`, 'hello?');
        const { rejected } = (await stack.get('/v1/rejected')).body;
        return rejected.find(({ topic }: { topic: string }) => topic === `${fleet.name}/telemetry/lamp-0001`);
      },
      { what: 'the sample', everyMs: 100 },
    );
    expect(sample).toMatchObject({ reason: 'bad_json', payload: 'hello?' });
  });

  it.each([
    ['looks like a Nest request', { id: 1, data: { light: 5 } }],
    ['looks like a Nest event', { pattern: 'x', data: { light: 5 } }],
  ])('that %s is plain data: stored as it is, and nobody replies', async (_what, reading) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const spy = await stack.broker.newFleet();
    expect(spy.name).not.toBe(fleet.name);
    await lamp.sendReading(reading);
    const { body } = await stack.lastState(fleet, 'lamp-0001', (measurements) => 'data' in measurements);
    expect(body.last.measurements).toEqual(reading);
    expect(lamp.received).toEqual([]);
  });

  it('in a replay costs only the bad readings', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    await lamp.sendReading([
      { light: 1, _seq: 1 },
      'no',
      { light: 3, _seq: 3 },
      { _seq: 'x' },
      { light: 5, _seq: 5 },
    ]);
    await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 5);
    const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001/telemetry`);
    expect(body.readings.map(({ seq }: { seq: number }) => seq)).toEqual([5, 3, 1]);
  });

  it.each([
    ['an empty level', '//'],
    ['too many levels', '/a/b'],
    ['a name with a space', '/my lamp'],
    ['a name with a quote and a brace', '/{"lamp"}'],
    ['unicode', '/lampe-é'],
  ])('on a topic with %s is refused by its reason or by the broker', async (_what, end) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const devices = async () =>
      (await stack.get(`/v1/fleets/${fleet.name}/devices`)).body.devices?.length ?? 0;
    await lamp.publish(`${fleet.name}/telemetry${end}`, { light: 1 }).catch(() => undefined);
    await lamp.sendReading({ light: 2 });
    await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 2);
    expect(await devices()).toBe(1);
  });

  it('as an answer or a birth is counted and changes nothing', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const malformed = async () =>
      (await stack.metric('lamplighter_command_answers_total', { result: 'malformed' })) +
      (await stack.metric('lamplighter_presence_messages_total', { result: 'malformed' }));
    const before = await malformed();
    const answers = [
      '',
      '{}',
      '{"id":7,"status":"succeeded"}',
      '{"id":"x","status":"done"}',
      Buffer.from([0xff]),
    ];
    for (const answer of answers) await lamp.publish(`${fleet.name}/acknowledgements/lamp-0001`, answer);
    const births = ['hello', '{"online":"yes"}', '{"online":true,"session":"first"}', '{"online":true}'];
    for (const birth of births) await lamp.publish(`${fleet.name}/presence/lamp-0001`, birth);
    await until(async () => (await malformed()) === before + answers.length + births.length, {
      what: 'all to be counted',
    });
    expect((await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001`)).status).toBe(404);
  });
});
