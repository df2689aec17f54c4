import { connectAsync, type IClientOptions, type IPublishPacket } from 'mqtt';
import { closeLater } from './resources.js';
import { until } from './until.js';

/** A message that a client was sent. */
export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly packet: IPublishPacket;
}

/** A plain MQTT client for tests: speaks MQTT 5, does not reconnect, remembers what it received. */
export interface TestClient {
  /** Everything received so far, in order. */
  readonly received: readonly Received[];
  /** Objects are sent as JSON. Settles after the handshake of its QoS (default 1). */
  publish(
    topic: string,
    payload: object | string | Buffer,
    options?: { qos?: 0 | 1 | 2; retain?: boolean; userProperties?: Record<string, string> },
  ): Promise<void>;
  /** Settles after the SUBACK; QoS 1. */
  subscribe(filter: string): Promise<void>;
  /** The next message that was not yet taken and matches; by default any. */
  next(matches?: (message: Received) => boolean, timeoutMs?: number): Promise<Received>;
  connected(): boolean;
  /** Disconnects in good order. */
  close(): Promise<void>;
  /** Cuts the connection, as a device that loses power: its will is published. */
  cut(): void;
}

/** Connects, and disconnects at the end of the test. The URL holds the credentials. */
export async function connectMqtt(url: string, options: IClientOptions = {}): Promise<TestClient> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options });
  client.on('error', () => {});
  const received: Received[] = [];
  const unread: Received[] = [];
  client.on('message', (topic, payload, packet) => {
    const message = { topic, payload, packet };
    received.push(message);
    unread.push(message);
  });
  const close = async () => {
    // A connection that the broker has closed sends no DISCONNECT to wait for.
    if (!client.disconnected) await client.endAsync(!client.connected);
  };
  closeLater(`MQTT client ${client.options.clientId}`, close);
  return {
    received,
    async publish(topic, payload, { qos = 1, retain = false, userProperties } = {}) {
      const raw = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
      const properties = userProperties && { userProperties };
      await client.publishAsync(topic, raw, { qos, retain, ...(properties && { properties }) });
    },
    async subscribe(filter) {
      await client.subscribeAsync(filter, { qos: 1 });
    },
    async next(matches = () => true, timeoutMs = 10_000) {
      const what = `a message (${received.length} came: ${received.slice(-5).map(describe).join(', ')})`;
      const found = await until(() => unread.find(matches), { what, timeoutMs });
      unread.splice(unread.indexOf(found), 1);
      return found;
    },
    connected: () => client.connected,
    close,
    cut: () => client.stream.destroy(),
  };
}

const describe = ({ topic, payload }: Received) => `${topic} ${payload.toString().slice(0, 100)}`;
