import { connect, createServer } from 'node:net';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { until } from '@lamplighter/test-kit/until';
import { DeviceClient } from '../device-client.js';
import { parseBrokerUrl } from './broker.js';
import { Traffic } from './traffic.js';

const LAMP = 'lamp-0001';

/** A proxy to the broker that counts bytes independently of the device. */
async function countingPipe(target: number) {
  const port = await freePort();
  const passed = { up: 0, down: 0 };
  const server = createServer((client) => {
    const broker = connect({ port: target, host: '127.0.0.1' });
    client.on('data', (chunk) => {
      passed.up += chunk.length;
      broker.write(chunk);
    });
    broker.on('data', (chunk) => {
      passed.down += chunk.length;
      client.write(chunk);
    });
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closeLater('pipe', () => server.close());
  return { port, passed };
}

/** Bytes of a PUBLISH without properties: fixed header, topic, packet id above QoS 0, property length, payload. */
function publishBytes(topic: string, payload: Buffer | string, qos: 0 | 1): number {
  const remaining = 2 + topic.length + (qos === 0 ? 0 : 2) + 1 + Buffer.byteLength(payload);
  return 1 + (remaining < 128 ? 1 : 2) + remaining;
}
const PUBACK_BYTES = 4;

it.each([0, 1] as const)(
  'counts the exact bytes of an exchange, with telemetry at QoS %d',
  async (qos) => {
    const broker = await startBroker();
    const fleet = await broker.newFleet();
    const topic = (kind: 'telemetry' | 'commands' | 'acknowledgements') =>
      deviceTopic(fleet.name, kind, LAMP);
    const service = await connectMqtt(broker.rulesUrl);
    await service.subscribe(topic('telemetry'));
    await service.subscribe(topic('acknowledgements'));
    await service.subscribe(deviceTopic(fleet.name, 'presence', LAMP));
    const pipe = await countingPipe(Number(new URL(broker.url).port));
    const url = new URL(fleet.url);
    url.port = String(pipe.port);

    const traffic = new Traffic();
    const device = new DeviceClient({
      broker: parseBrokerUrl(url.href),
      fleet: fleet.name,
      device: LAMP,
      qos,
      execute: () => {},
      traffic,
    });
    closeLater('device', () => device.close());
    device.start();
    await until(() => device.online, { what: 'the device to come online' });
    const before = { sent: traffic.bytesSent, received: traffic.bytesReceived };

    // One reading, with a PUBACK at QoS 1.
    await device.publish({ light: 412 });
    const reading = await service.next((message) => message.topic === topic('telemetry'));
    expect(traffic.bytesSent - before.sent).toBe(publishBytes(topic('telemetry'), reading.payload, qos));
    expect(traffic.bytesReceived - before.received).toBe(qos === 0 ? 0 : PUBACK_BYTES);

    // One command at QoS 1 and its two acknowledgements, each with a PUBACK.
    const command = {
      led_on: true,
      _cmd: { id: 'c1', lane: 'led_on', seq: 1, attempt: 1, expiresAt: Date.now() + 60_000 },
    };
    const sent = traffic.bytesSent;
    const received = traffic.bytesReceived;
    await service.publish(topic('commands'), command);
    const acknowledgements = [
      await service.next((message) => message.topic === topic('acknowledgements')),
      await service.next((message) => message.topic === topic('acknowledgements')),
    ];
    const acknowledgementBytes = acknowledgements.reduce(
      (sum, { payload }) => sum + publishBytes(topic('acknowledgements'), payload, 1),
      0,
    );
    const commandBytes = publishBytes(topic('commands'), JSON.stringify(command), 1);
    await until(() => traffic.bytesReceived - received >= commandBytes + 2 * PUBACK_BYTES, {
      what: 'both PUBACKs',
    });
    expect(traffic.bytesReceived - received).toBe(commandBytes + 2 * PUBACK_BYTES);
    expect(traffic.bytesSent - sent).toBe(acknowledgementBytes + PUBACK_BYTES);

    // The whole connection, from CONNECT to DISCONNECT.
    await device.close();
    await until(() => pipe.passed.up === traffic.bytesSent, { what: 'the last bytes' });
    expect(pipe.passed).toEqual({ up: traffic.bytesSent, down: traffic.bytesReceived });
  },
  60_000,
);

describe('Traffic', () => {
  it('counts a wake-up for each burst of packets', () => {
    let now = 0;
    const traffic = new Traffic(1000, () => now);
    for (now of [0, 400, 1400, 2401, 2500, 10_000]) traffic.recordPacket();
    // 0 to 1400 is one burst, 2401 and 2500 are the second, 10,000 the third.
    expect(traffic.wakeUps).toBe(3);
  });

  it('adds up bytes across connections', () => {
    const traffic = new Traffic();
    traffic.open({ bytesRead: 10, bytesWritten: 100 });
    traffic.open({ bytesRead: 1, bytesWritten: 2 });
    expect([traffic.bytesReceived, traffic.bytesSent]).toEqual([11, 102]);
  });
});
