import { connectDevice } from '@lamplighter/test-kit/device';
import { until } from '@lamplighter/test-kit/until';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const big = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes) });
const INVALID: [what: string, payload: string | Buffer, reason: string][] = [
  ['text that is not JSON', 'light=412', 'bad_json'],
  ['truncated JSON', '{"light":4', 'bad_json'],
  ['an empty payload', '', 'bad_json'],
  ['binary data', Buffer.from([0xff, 0xfe, 0x00, 0x80]), 'binary'],
  ['a lone surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'binary'],
  ['a lone surrogate in an escape', '{"text":"\\ud800"}', 'schema'],
  ['a byte order mark', '\ufeff{"light":412}', 'bad_json'],
  ['a number', '412', 'schema'],
  ['null', 'null', 'schema'],
  ['an empty object', '{}', 'schema'],
  ['an empty replay', '[]', 'schema'],
  ['NaN', '{"light":NaN}', 'bad_json'],
  ['a number beyond the range of a double', '{"light":1e999}', 'schema'],
  ['a duplicate key', '{"light":1,"light":2}', 'bad_json'],
  ['an object of 2,000 levels', `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`, 'too_deep'],
  ['a replay of 10,000 levels', `${'['.repeat(10_000)}1${']'.repeat(10_000)}`, 'too_large'],
  ['a reading of 20 kB', big(20_000), 'too_large'],
  ['the key __proto__', '{"__proto__":{"light":1}}', 'schema'],
  ['the key __proto__ with an escape', '{"\\u005f_proto__":{"light":1}}', 'schema'],
  ['a sequence number that is a string', '{"light":1,"_seq":"7"}', 'schema'],
  ['a negative sequence number', '{"light":1,"_seq":-1}', 'schema'],
  ['a device clock in the next year', `{"light":1,"_at":${Date.now() + 366 * 86_400_000}}`, 'clock'],
  ['a device clock in 1970', '{"light":1,"_at":0}', 'clock'],
];

describe('invalid input', () => {
  it.each(INVALID)('%s is counted, and does not affect the next reading', async (_what, payload, reason) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const rejected = () => stack.metric('lamplighter_telemetry_rejected_total', { reason });
    const before = await rejected();
    await lamp.publish(`${fleet.name}/telemetry/lamp-0001`, payload);
    await lamp.sendReading({ light: 299 });
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    expect(await rejected()).toBe(before + 1);
    expect(({} as Record<string, unknown>).light).toBeUndefined();
  });

  it('is listed with topic and reason', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    // The number of samples per second is limited, so the message is repeated until it is listed.
    const sample = await until(
      async () => {
        await lamp.publish(`${fleet.name}/telemetry/lamp-0001`, 'hello?');
        const { rejected } = (await stack.get('/v1/rejected')).body;
        return rejected.find(({ topic }: { topic: string }) => topic === `${fleet.name}/telemetry/lamp-0001`);
      },
      { what: 'a sample of the message', everyMs: 100 },
    );
    expect(sample).toMatchObject({ reason: 'bad_json', payload: 'hello?' });
  });

  it('in a replay affects only the invalid readings', async () => {
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
  ])('on a topic with %s creates no device', async (_what, end) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const devices = async () =>
      (await stack.get(`/v1/fleets/${fleet.name}/devices`)).body.devices?.length ?? 0;
    await lamp.publish(`${fleet.name}/telemetry${end}`, { light: 1 }).catch(() => undefined);
    await lamp.sendReading({ light: 2 });
    await stack.lastState(fleet, 'lamp-0001', ({ light }) => light === 2);
    expect(await devices()).toBe(1);
  });

  it('as an acknowledgement or birth is counted, and changes nothing', async () => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    const malformed = async () =>
      (await stack.metric('lamplighter_command_answers_total', { result: 'malformed' })) +
      (await stack.metric('lamplighter_presence_messages_total', { result: 'malformed' }));
    const before = await malformed();
    const acknowledgements = [
      '',
      '{}',
      '{"id":7,"status":"succeeded"}',
      '{"id":"x","status":"done"}',
      Buffer.from([0xff]),
    ];
    for (const payload of acknowledgements)
      await lamp.publish(`${fleet.name}/acknowledgements/lamp-0001`, payload);
    const births = ['hello', '{"online":"yes"}', '{"online":true,"session":"first"}', '{"online":true}'];
    for (const birth of births) await lamp.publish(`${fleet.name}/presence/lamp-0001`, birth);
    await until(async () => (await malformed()) === before + acknowledgements.length + births.length, {
      what: 'all messages to be counted',
    });
    expect((await stack.get(`/v1/fleets/${fleet.name}/devices/lamp-0001`)).status).toBe(404);
  });
});

it.each([
  ['request', { id: 1, data: { light: 5 } }],
  ['event', { pattern: 'x', data: { light: 5 } }],
])('a reading that looks like a Nest %s is stored unchanged', async (_what, reading) => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet);
  await lamp.sendReading(reading);
  const { body } = await stack.lastState(fleet, 'lamp-0001', (measurements) => 'data' in measurements);
  expect(body.last.measurements).toEqual(reading);
  expect(lamp.received).toEqual([]);
});
