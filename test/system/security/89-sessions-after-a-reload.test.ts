import { connectDevice } from '@lamplighter/test-kit/device';
import { connectMqtt } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import { startBroker } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { connect } from 'mqtt';

const MESSAGES = 20;
const KEPT = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3600 } } as const;

/** Creates a session that the broker keeps, with one subscription, and disconnects. */
async function leaveSession(url: string, clientId: string, filter: string): Promise<void> {
  const client = await connectMqtt(url, { ...KEPT, clientId });
  await client.subscribe(filter);
  await client.close();
}

/** Connects to a kept session; returns what arrives. */
async function resume(url: string, clientId: string): Promise<string[]> {
  const arrived: string[] = [];
  const client = connect(url, { ...KEPT, clientId, reconnectPeriod: 0 });
  client.on('message', (_topic, payload) => arrived.push(payload.toString()));
  closeLater(`session ${clientId}`, () => client.endAsync(true));
  await new Promise<void>((connected) => client.once('connect', () => connected()));
  return arrived;
}

it('after a restart of the broker and a new account, offline devices still get what is queued for them', async () => {
  const broker = await startBroker();
  const fleet = await broker.newFleet();
  const topic = `${fleet.name}/commands/lamp-0001`;
  await leaveSession(fleet.url, `${fleet.name}.lamp-0001`, topic);
  await leaveSession(broker.rulesUrl, 'durable', '+/telemetry/#');
  await broker.stop();
  await broker.start();
  await broker.newFleet(); // reloads the accounts (SIGHUP)
  const rules = await connectMqtt(broker.rulesUrl);
  const sensor = await connectDevice(fleet, 'sensor');
  for (let n = 0; n < MESSAGES; n += 1) {
    await rules.publish(topic, { n });
    await sensor.sendReading({ n });
  }
  const commands = await resume(fleet.url, `${fleet.name}.lamp-0001`);
  await until(() => commands.length === MESSAGES, { what: 'every queued command' });
  // The session of rules is one with an access list of its own, which Mosquitto forgets: docs/losing-data.md.
  const readings = await resume(broker.rulesUrl, 'durable');
  await sensor.sendReading({ last: true });
  await until(() => readings.length > 0, { what: 'a reading' });
  expect(readings).toEqual(['{"last":true}']);
}, 60_000);
