// No service at all: takes every reading off a raw socket and answers the crossings at once, without Redis.
// What it sustains is the limit of broker, generator and machine; no service can do better.
import { deviceTopic } from '@lamplighter/contracts/topics';
import { BrokerConnection } from '../load/connection.js';
import { deviceIndex, deviceName } from '../load/readings.js';
import { publishPacket } from '../wire/packets.js';

const { MQTT_URL = '', FLEET = '' } = process.env;
const qos = process.env.QOS === '1' ? 1 : 0;
const wasDark = new Map<number, boolean>();

const stop = (error: Error) => {
  console.error(`ceiling: ${error.message}`);
  process.exit(1);
};
let received = 0;
const connection = await BrokerConnection.open(
  MQTT_URL,
  'lamplighter-ceiling',
  ({ chunk, topicEnd, payloadStart }) => {
    received += 1;
    const device = deviceIndex(chunk, topicEnd);
    const dark = chunk[payloadStart + '{"light":'.length]! < '3'.charCodeAt(0);
    if (wasDark.get(device) === dark) return;
    wasDark.set(device, dark);
    const payload = Buffer.from(JSON.stringify({ led_on: dark }));
    const topic = deviceTopic(FLEET, 'commands', deviceName(device));
    connection.write(publishPacket(topic, payload, qos, connection.packetId()));
  },
  stop,
);
process.on('message', () => process.send?.(received));
process.on('disconnect', () => process.exit());
await connection.subscribe(deviceTopic('+', 'telemetry', '+'), qos);
console.log('ready');
