// Peer: plain MQTT.js and ioredis with auto-pipelining. Reads MQTT_URL, REDIS_URL and QOS.
// At QoS 1 MQTT.js sends the PUBACK when the message listener returns, before Redis has replied.
import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';

interface Reading {
  light: number;
  _seq: number;
  _at: number;
}

const { MQTT_URL = '', REDIS_URL = '' } = process.env;
const qos = process.env.QOS === '1' ? 1 : 0;
const redis = new Redis(REDIS_URL, { enableAutoPipelining: true });
const client = await connectAsync(MQTT_URL);
const verdicts = new Map<string, boolean>();

async function onTelemetry(topic: string, payload: Buffer): Promise<void> {
  const [fleet, , device] = topic.split('/');
  const id = `${fleet}/${device}`;
  const reading = JSON.parse(payload.toString()) as Reading;
  await redis.hset(`state:${id}`, reading);
  const ledOn = reading.light < 300;
  if (verdicts.get(id) === ledOn) return;
  verdicts.set(id, ledOn);
  client.publish(`${fleet}/commands/${device}`, JSON.stringify({ led_on: ledOn }), { qos });
}

client.on('message', (topic, payload) => {
  onTelemetry(topic, payload).catch((error: unknown) => console.error(error));
});
await client.subscribeAsync('+/telemetry/+', { qos });
console.log('ready');
