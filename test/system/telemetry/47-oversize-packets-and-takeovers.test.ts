import { BOUNDS } from '@lamplighter/contracts/bounds';
import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { until } from '@lamplighter/test-kit/until';
import { connect } from 'mqtt';
import { rejectedSample } from '../rejected-sample.js';
import { type Stack, startStack } from '../stack.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 60_000);

const DEVICE = 'lamp-0001';
const payloadOf = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - 11) });

describe('a payload that is too large', () => {
  it.each([4, 5] as const)(
    'for the services is rejected with its size, over MQTT version %s',
    async (protocolVersion) => {
      const fleet = await stack.broker.newFleet();
      const lamp = await connectDevice(fleet, DEVICE, { protocolVersion });
      const send = () => lamp.publish(`${fleet.name}/telemetry/${DEVICE}`, payloadOf(290_000));
      const sample = await rejectedSample(stack, `fleet=${fleet.name}`, send);
      expect(sample).toMatchObject({
        kind: 'telemetry',
        reason: 'too_large',
        problem: 'the payload has 290,000 bytes, at most 262,144',
      });
      expect(lamp.connected()).toBe(true);
    },
  );

  it('for the broker closes the connection of an MQTT 3.1.1 client, which is listed by its client id', async () => {
    const fleet = await stack.broker.newFleet();
    const clientId = `${fleet.name}.big`;
    const send = async () => {
      const lamp = await connectMqtt(fleet.url, { protocolVersion: 4, clientId });
      lamp.publish(`${fleet.name}/telemetry/${DEVICE}`, payloadOf(310_000)).catch(() => undefined);
      await until(() => !lamp.connected(), { what: 'the connection to be closed' });
    };
    const sample = await rejectedSample(
      stack,
      'kind=connection&reason=too_large',
      send,
      ({ client }) => client === clientId,
    );
    expect(sample.problem).toMatch(/more than 300,000 bytes/);
    expect(sample.payload).toContain('oversize packet');
    expect(
      await stack.metric('lamplighter_input_rejected_total', { kind: 'connection', reason: 'too_large' }),
    ).toBeGreaterThan(0);
  });

  it('exceeds the maximum in the CONNACK of an MQTT 5 client, and closes its connection with reason code 0x95', async () => {
    const fleet = await stack.broker.newFleet();
    const client = connect(fleet.url, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      clientId: `${fleet.name}.five`,
    });
    client.on('error', () => undefined);
    const [connack, disconnect] = await new Promise<[number | undefined, number | undefined]>((resolve) => {
      client.on('connect', ({ properties }) => {
        const announced = properties?.maximumPacketSize;
        client.on('disconnect', ({ reasonCode }) => resolve([announced, reasonCode]));
        // MQTT.js respects the maximum; this writes the packet of a device that does not.
        const topic = Buffer.from(`${fleet.name}/telemetry/${DEVICE}`);
        const body = Buffer.alloc(310_000, 'x');
        const length = 2 + topic.length + 1 + body.length;
        const head = Buffer.from([0x30, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
        const topicLength = Buffer.from([0, topic.length]);
        client.stream.write(Buffer.concat([head, topicLength, topic, Buffer.from([0]), body]));
      });
    });
    await client.endAsync(true);
    expect([connack, disconnect]).toEqual([BOUNDS.maxPacketBytes, 0x95]);
  });
});

it('a client id that two devices share is listed by name, and counts as contested', async () => {
  const fleet = await stack.broker.newFleet();
  const clientId = `${fleet.name}.twin`;
  const takeOver = () => connectMqtt(fleet.url, { clientId });
  const sample = await rejectedSample(
    stack,
    'kind=connection&reason=takeover',
    takeOver,
    ({ client }) => client === clientId,
  );
  expect(sample.problem).toMatch(/a second client connected with this client id/);
  await until(
    async () => {
      await takeOver();
      return (await stack.metric('lamplighter_broker_contested_clients')) === 1;
    },
    { what: 'the id to be contested', everyMs: 300 },
  );
});
