import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, startChild } from '@lamplighter/native/process/child';
import { exchangeBytes, untilServing } from '@lamplighter/native/process/serving';
import { requireBinary } from '@lamplighter/native/servers/binaries';
import { connectPacket, PACKET_TYPE } from '../wire/packets.js';

/** Settings that differ from the defaults of Mosquitto. */
export interface BrokerSettings {
  /** Sessions, queues and retained messages survive a clean restart. Default false. */
  readonly persistence?: boolean;
  /** Maximum number of queued messages per client. Default 1000. */
  readonly maxQueued?: number;
}

const START_MS = 10_000;

/** A Mosquitto with default settings that can be restarted on the same port with the same files. */
export class StockBroker {
  private child: Child | undefined;

  constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly settings: BrokerSettings,
  ) {}

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Settles when it accepts clients.
   * @throws BinaryMissing, ServerFailed */
  async start(): Promise<void> {
    const { port, folder } = this;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const configuration = join(folder, 'mosquitto.conf');
    writeFileSync(configuration, `${this.lines().join('\n')}\n`);
    const child = startChild({
      name: 'mosquitto',
      command: requireBinary('mosquitto'),
      args: ['-c', configuration],
      logFile: join(folder, 'mosquitto.log'),
    });
    this.child = child;
    const hello = connectPacket({ clientId: `probe-${process.pid}`, keepAliveSeconds: 10 });
    await untilServing(
      child,
      async () => (await exchangeBytes(port, hello, 4))[0] === PACKET_TYPE.connack << 4 || 'no answer',
      START_MS,
    );
  }

  /** Stops it cleanly, so that it saves its state. */
  async stop(): Promise<void> {
    await this.child?.stop();
  }

  private lines(): string[] {
    const { persistence, maxQueued } = this.settings;
    return [
      `listener ${this.port} 127.0.0.1`,
      'allow_anonymous true',
      'log_dest stderr',
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...(persistence ? ['persistence true', `persistence_location ${this.folder}/`] : []),
      ...(maxQueued === undefined ? [] : [`max_queued_messages ${maxQueued}`]),
    ];
  }
}
