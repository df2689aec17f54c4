// Not a service: reads telemetry from a raw socket and sends a command for each crossing, without a store.
// Its rate is the limit of the broker, the generator and the machine. Reads MQTT_URL, FLEET and QOS.
import { deviceTopic } from '@lamplighter/contracts/topics';
import { BrokerConnection } from '../../load/connection.js';
import { deviceIndex, deviceName } from '../../load/readings.js';
import { publishPacket } from '../../wire/packets.js';

const { MQTT_URL = '', FLEET = '' } = process.env;
const qos = process.env.QOS === '1' ? 1 : 0;
const wasDark = new Map<number, boolean>();

const connection = await BrokerConnection.open(
  MQTT_URL,
  'no-store',
  ({ chunk, topicEnd, payloadStart }) => {
    const device = deviceIndex(chunk, topicEnd);
    const isDark = chunk[payloadStart + '{"light":'.length]! < '3'.charCodeAt(0);
    if (wasDark.get(device) === isDark) return;
    wasDark.set(device, isDark);
    const payload = Buffer.from(JSON.stringify({ led_on: isDark }));
    const topic = deviceTopic(FLEET, 'commands', deviceName(device));
    connection.write(publishPacket(topic, payload, qos, connection.packetId()));
  },
  (error) => {
    console.error(`no-store: ${error.message}`);
    process.exit(1);
  },
);
await connection.subscribe(deviceTopic('+', 'telemetry', '+'), qos);
console.log('ready');
