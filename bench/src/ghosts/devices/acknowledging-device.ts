import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { type Device, deviceName, type Execute, FLEET } from '../designs/design.js';
import type { DeviceLink } from './device-link.js';

const RECONNECT_MS = 500;
const A_DAY = 86_400;

/** The two ways to ask for a persistent session. */
const PERSISTENT: readonly IClientOptions[] = [
  { protocolVersion: 4, clean: false },
  { protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: A_DAY } },
];

/** The part of a command that the program reads. */
interface Command {
  readonly n: number;
  readonly _cmd: { readonly id: string; readonly expiresAt: number };
}

/**
 * A device program on MQTT.js that follows docs/devices.md without the client library: it publishes birth, goodbye and acknowledgements,
 * executes each id once, and rejects expired commands. Its session persists, with MQTT 3.1.1 for even devices and MQTT 5 for odd ones, so
 * the broker queues commands that are sent to it while it is offline.
 */
export class AcknowledgingDevice implements Device {
  private readonly name: string;
  private readonly executed = new Set<string>();
  private client: MqttClient | undefined;
  private session = 0;
  private announced = false;

  constructor(
    private readonly device: number,
    private readonly link: DeviceLink,
    private readonly execute: Execute,
  ) {
    this.name = deviceName(device);
  }

  get online(): boolean {
    return this.announced && this.client?.connected === true;
  }

  start(): void {
    this.session = Date.now();
    const client = connect(`mqtt://127.0.0.1:${this.link.port}`, {
      ...PERSISTENT[this.device % PERSISTENT.length],
      clientId: `${FLEET}.${this.name}`,
      reconnectPeriod: RECONNECT_MS,
      resubscribe: false,
      will: this.will(),
    });
    this.client = client;
    client.on('message', (_topic, payload) => this.receive(JSON.parse(payload.toString()) as Command));
    client.on('error', () => {}); // MQTT.js reconnects
    client.on('close', () => {
      this.announced = false;
      this.session = Math.max(this.session + 1, Date.now());
      client.options.will = this.will();
    });
    client.on('connect', () => {
      client.subscribe(this.topic('commands'), { qos: 1 }, (error) => {
        if (!error) this.announce(client);
      });
    });
  }

  async sayGoodbye(): Promise<void> {
    const { topic, payload, qos, retain } = this.will();
    await this.client?.publishAsync(topic, payload, { qos, retain });
    await this.client?.endAsync();
  }

  async close(): Promise<void> {
    await this.client?.endAsync(true);
  }

  private announce(client: MqttClient): void {
    const birth = JSON.stringify({ online: true, session: this.session });
    client.publish(this.topic('presence'), birth, { qos: 1, retain: true }, (error) => {
      this.announced = !error;
    });
  }

  private receive({ n, _cmd: { id, expiresAt } }: Command): void {
    const isRepeated = this.executed.has(id);
    if (!isRepeated && expiresAt <= Date.now()) {
      this.acknowledge({ id, status: 'rejected', reason: 'expired' });
      return;
    }
    this.executed.add(id);
    if (!isRepeated) this.execute({ n });
    this.acknowledge({ id, status: 'succeeded' });
  }

  private acknowledge(acknowledgement: object): void {
    this.client?.publish(this.topic('acknowledgements'), JSON.stringify(acknowledgement), { qos: 1 });
  }

  private will() {
    const payload = Buffer.from(JSON.stringify({ online: false, session: this.session }));
    return { topic: this.topic('presence'), payload, qos: 1, retain: true } as const;
  }

  private topic(kind: 'commands' | 'presence' | 'acknowledgements'): string {
    return `${FLEET}/${kind}/${this.name}`;
  }
}
