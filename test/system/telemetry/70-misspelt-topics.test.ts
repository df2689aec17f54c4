import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { rejectedSample } from '../rejected-sample.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ lesson: true });
}, 60_000);

const DEVICE = 'lamp-0001';
const DARK = { light: 100 };
const counted = (kind: string, reason: string) =>
  stack.metric('lamplighter_input_rejected_total', { kind, reason });

describe.each([4, 5] as const)('a device that misspells its topic (MQTT version %s)', (protocolVersion) => {
  it.each<[topic: string, expected: object]>([
    ['demo/telemtry/x', { kind: 'topic', problem: 'publish to demo/telemetry/x' }],
    ['demo/Telemetry/x', { kind: 'topic', problem: 'publish to demo/telemetry/x' }],
    ['demo/command/x', { kind: 'topic', problem: 'devices publish to demo/telemetry/x' }],
    ['demo/ack/x', { kind: 'topic', problem: 'publish to demo/acknowledgements/x' }],
    ['demo/presense/x', { kind: 'topic', problem: 'publish to demo/presence/x' }],
    ['/demo/telemetry/x', { kind: 'topic', problem: 'starts with a slash; publish to demo/telemetry/x' }],
    ['demo/telemetry/x/', { kind: 'telemetry', problem: 'the topic ends with a slash' }],
    [
      'demo/telemetry/x/extra',
      { kind: 'telemetry', reason: 'sub_topic', problem: 'sub-topics are not read' },
    ],
    ['demo/presence/x/extra', { kind: 'presence', reason: 'sub_topic', problem: 'too many levels' }],
    ['demo/presence', { kind: 'presence', problem: 'the topic names no device' }],
    ['demo/acknowledgements/x/', { kind: 'acknowledgement', problem: 'the topic ends with a slash' }],
  ])('is listed for %s in the rejected input, without other effects', async (topic, expected) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet, DEVICE, { protocolVersion });
    const named = (text: string) => text.replace('demo', fleet.name).replace('/x', `/${DEVICE}`);
    const { kind, reason = 'topic', problem } = { reason: 'topic', ...expected } as Record<string, string>;
    const before = await counted(kind!, reason);
    const sample = await rejectedSample(stack, `fleet=${fleet.name}`, () => lamp.publish(named(topic), DARK));
    expect(sample).toMatchObject({ kind, reason, topic: named(topic), payload: JSON.stringify(DARK) });
    expect(sample.problem).toContain(named(problem!));
    expect(sample.device).toBe(topic === 'demo/presence' ? fleet.name : DEVICE);
    expect(await counted(kind!, reason)).toBeGreaterThan(before);
    expect((await stack.get(`/v1/fleets/${fleet.name}/devices/${DEVICE}`)).status).toBe(404);
    // The seed rule sends a command for the first dark reading of a device.
    await lamp.sendReading(DARK);
    expect(await lamp.nextCommand()).toEqual({ led_on: true });
    expect(lamp.commands()).toHaveLength(1);
  });
});

it('misspelt topics of anonymous lesson clients are listed, too', async () => {
  const fleet = await stack.broker.newFleet();
  const student = await connectMqtt(stack.broker.url, { protocolVersion: 4 });
  for (const topic of [
    `${fleet.name}/telemtry`,
    `/${fleet.name}/telemetry`,
    `${fleet.name}/telemetry/x/light`,
  ]) {
    const sample = await rejectedSample(
      stack,
      `fleet=${fleet.name}`,
      () => student.publish(topic, DARK),
      (found) => found.topic === topic,
    );
    expect(sample.reason).toBe(topic.endsWith('light') ? 'sub_topic' : 'topic');
  }
});

it('a telemetry topic without a device is the lesson topic: its device is named like the fleet', async () => {
  const fleet = await stack.broker.newFleet();
  const lamp = await connectDevice(fleet, DEVICE, { protocolVersion: 4 });
  await lamp.publish(`${fleet.name}/telemetry`, { light: 500 });
  await stack.lastState(fleet, fleet.name, ({ light }) => light === 500);
});

it.each(['commands', 'state', 'receipts', 'elsewhere'])(
  'a topic that devices cannot write to (%s) is rejected with reason code 0x87 over MQTT 5',
  async (kind) => {
    const fleet = await stack.broker.newFleet();
    const lamp = await connectDevice(fleet);
    await expect(lamp.publish(`${fleet.name}/${kind}/${DEVICE}`, '{}')).rejects.toMatchObject({ code: 0x87 });
  },
);

it('no other client can read misspelt topics, or write to those of another fleet', async () => {
  const [fleet, other] = [await stack.broker.newFleet(), await stack.broker.newFleet()];
  const lamp = await connectDevice(fleet);
  const [neighbour, foreigner] = [await connectMqtt(fleet.url), await connectMqtt(other.url)];
  const reader = await connectMqtt(await stack.broker.newReader(fleet.name));
  const readers = [neighbour, foreigner, reader];
  for (const client of readers) for (const filter of ['#', '/#']) await client.subscribe(filter);
  for (const topic of [`${fleet.name}/command/twin`, `/${fleet.name}/commands/twin`]) {
    await lamp.publish(topic, { led_on: true });
    await expect(foreigner.publish(topic, { led_on: true })).rejects.toMatchObject({ code: 0x87 });
  }
  for (const topic of [`${fleet.name}.reader/telemtry/x`, `/${fleet.name}.reader/telemetry/x`])
    await expect(reader.publish(topic, '{}')).rejects.toMatchObject({ code: 0x87 });
  await lamp.sendReading(DARK);
  const expected = [`${fleet.name}/commands/${DEVICE}`, `${fleet.name}/telemetry/${DEVICE}`];
  await reader.next();
  await neighbour.next();
  expect(readers.flatMap(({ received }) => received.map(({ topic }) => topic))).toEqual(expected);
});

it('a will and a retained message on a misspelt topic are reported once, and have no effect', async () => {
  const fleet = await stack.broker.newFleet();
  const topic = `${fleet.name}/presense/${DEVICE}`;
  const lamp = await connectDevice(fleet);
  await lamp.publish(`${fleet.name}/presence/${DEVICE}`, { online: true, session: 1 }, { retain: true });
  const path = `/v1/fleets/${fleet.name}/devices/${DEVICE}`;
  const isOnline = async () => (await stack.get(path)).body.presence === 'online';
  await until(isOnline, { what: 'the birth to be stored' });
  const dying = async () => {
    const client = await connectMqtt(fleet.url, {
      will: { topic, payload: Buffer.from('{"online":false,"session":1}'), qos: 1, retain: true },
    });
    client.cut();
  };
  const sample = await rejectedSample(stack, `fleet=${fleet.name}`, dying);
  expect(sample.problem).toBe(
    `\`presense\` is not a kind of topic; publish to ${fleet.name}/presence/${DEVICE}`,
  );
  const before = await counted('topic', 'topic');
  await stack.broker.stop();
  await stack.broker.start();
  await until(async () => (await fetch(`${stack.rules.url}/health/ready`)).ok, {
    what: 'rules to be ready again',
    timeoutMs: 20_000,
  });
  const fence = await connectDevice(fleet, 'fence');
  await fence.sendReading({ light: 500 });
  await stack.lastState(fleet, 'fence', ({ light }) => light === 500);
  expect(await counted('topic', 'topic')).toBe(before);
  // An empty retained message removes it, and is not counted.
  await fence.publish(topic, '', { retain: true });
  await fence.publish(`${fleet.name}/telemtry/fence`, '{}');
  await until(async () => (await counted('topic', 'topic')) > before, {
    what: 'the next misspelt topic to be counted',
  });
  expect(await counted('topic', 'topic')).toBe(before + 1);
  expect(await isOnline()).toBe(true);
}, 60_000);
