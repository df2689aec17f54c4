import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { Device, Execute } from '../designs/design.js';

export interface PlainDeviceOptions {
  readonly clientId: string;
  readonly port: number;
  /** Topic filter that it subscribes to, at QoS 1, on each connection. */
  readonly filter: string;
  /** Session expiry, seconds; undefined for a clean session. */
  readonly keepSessionSeconds?: number;
  readonly execute: Execute;
}

const RECONNECT_MS = 500;

/** A device program on MQTT.js: reconnects, subscribes on each connection, executes every message. */
export class PlainDevice implements Device {
  private client: MqttClient | undefined;
  private subscribed = false;

  constructor(private readonly options: PlainDeviceOptions) {}

  get online(): boolean {
    return this.subscribed && this.client?.connected === true;
  }

  start(): void {
    const { clientId, port, filter, keepSessionSeconds, execute } = this.options;
    const client = connect(`mqtt://127.0.0.1:${port}`, {
      ...PLAIN_OPTIONS,
      clientId,
      reconnectPeriod: RECONNECT_MS,
      clean: keepSessionSeconds === undefined,
      resubscribe: false,
      ...(keepSessionSeconds !== undefined && { properties: { sessionExpiryInterval: keepSessionSeconds } }),
    });
    this.client = client;
    client.on('message', (_topic, payload) => execute(JSON.parse(payload.toString()) as { n: number }));
    client.on('error', () => {}); // MQTT.js reconnects
    client.on('close', () => {
      this.subscribed = false;
    });
    client.on('connect', () => {
      client.subscribe(filter, { qos: 1 }, (error) => {
        this.subscribed = !error;
      });
    });
  }

  async sayGoodbye(): Promise<void> {
    await this.client?.endAsync();
  }

  async close(): Promise<void> {
    await this.client?.endAsync(true);
  }
}

/** MQTT 5, so that a command can carry its expiry. */
export const PLAIN_OPTIONS: IClientOptions = { protocolVersion: 5 };
