import { connectAsync, type IClientOptions, type IPublishPacket } from 'mqtt';
import { closeLater } from './resources.js';
import { until } from './until.js';

/** A received message. */
export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly packet: IPublishPacket;
}

/** A plain MQTT 5 client for tests: does not reconnect, and keeps the messages it receives. */
export interface TestClient {
  /** Everything received so far, in order. */
  readonly received: readonly Received[];
  /** Sends objects as JSON. Resolves after the handshake of the QoS (default 1). */
  publish(
    topic: string,
    payload: object | string | Buffer,
    options?: { qos?: 0 | 1 | 2; retain?: boolean; userProperties?: Record<string, string> },
  ): Promise<void>;
  /** Subscribes with QoS 1. Resolves after the SUBACK. */
  subscribe(filter: string): Promise<void>;
  /** The next matching message that `next` has not returned yet; default: any message. */
  next(matches?: (message: Received) => boolean, timeoutMs?: number): Promise<Received>;
  connected(): boolean;
  /** Disconnects cleanly. */
  close(): Promise<void>;
  /** Drops the connection without a DISCONNECT, as a device without power: its will is published. */
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
    // If the broker has closed the connection, there is no DISCONNECT to wait for.
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
      const what = `a message (${received.length} received: ${received.slice(-5).map(describe).join(', ')})`;
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
