import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Answer } from '@lamplighter/contracts/command';
import { IDENTITY } from '@lamplighter/contracts/identity';
import type { Measurement } from '@lamplighter/contracts/reading';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { type Backoff, DEFAULT_BACKOFF } from './backoff.js';
import type { Broker } from './broker.js';
import { type Arrival, CommandInbox, DEFAULT_INBOX_LIMITS, type InboxLimits } from './command-inbox.js';
import { ConnectionLost } from './connection.js';
import type { Execute } from './execute-command.js';
import { parseCommand } from './received-command.js';
import { type ConnectionChange, StandingConnection } from './standing-connection.js';

export interface DeviceOptions {
  readonly broker: Broker;
  readonly fleet: string;
  readonly device: string;
  /** What to do with a command. */
  readonly execute: Execute;
  /** QoS of telemetry; default 1. */
  readonly qos?: 0 | 1 | 2;
  /** Default 60 s. */
  readonly keepAliveSeconds?: number;
  /** Most readings on their way to the broker; more are dropped until it answers. Default 16. */
  readonly window?: number;
  readonly backoff?: Backoff;
  readonly inbox?: InboxLimits;
  /** Told each time the device comes online or fails to. */
  readonly onConnection?: (change: ConnectionChange) => void;
  /** Told what became of each command on arrival. */
  readonly onCommand?: (arrival: Arrival) => void;
  /** Milliseconds since 1970; commands expire by it. */
  readonly clock?: () => number;
}

/**
 * What became of a reading: `acknowledged` by the broker; `sent` (QoS 0: nobody answers); `unknown`, the connection ended
 * before the answer; `refused` by the broker; or dropped here: `offline`, `window_full`, `too_large`.
 * A closed set: it may be a metric label.
 */
export const PUBLISH_OUTCOMES = [
  'acknowledged',
  'sent',
  'unknown',
  'refused',
  'offline',
  'window_full',
  'too_large',
] as const;
export type PublishOutcome = (typeof PUBLISH_OUTCOMES)[number];

/**
 * One device of a fleet: keeps connected, publishes readings, carries out commands and answers them.
 * Readings are not kept while offline, and the birth says so (`telemetry: latest`).
 *
 *     const lamp = new DeviceClient({
 *       broker: parseBrokerUrl('mqtt://demo:secret@127.0.0.1:1883'),
 *       fleet: 'demo',
 *       device: 'hall',
 *       execute: ({ led_on }) => setLed(led_on === true),
 *     });
 *     lamp.start();
 *     setInterval(() => void lamp.publish({ light: readSensor() }), 5000);
 */
export class DeviceClient {
  private readonly standing: StandingConnection;
  private readonly inbox: CommandInbox;
  private readonly clock: () => number;
  private readonly window: number;
  private sequence = 0;
  private inFlight = 0;

  /** @throws TypeError if the fleet's or the device's name is none */
  constructor(private readonly options: DeviceOptions) {
    for (const name of [options.fleet, options.device]) {
      if (!IDENTITY.test(name)) throw new TypeError(`"${name}" cannot be the name of a fleet or a device`);
    }
    this.clock = options.clock ?? Date.now;
    this.window = options.window ?? 16;
    this.standing = new StandingConnection({
      broker: options.broker,
      fleet: options.fleet,
      device: options.device,
      keepAliveSeconds: options.keepAliveSeconds ?? 60,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      clock: this.clock,
      onMessage: (payload) => this.receive(payload),
      onChange: (change) => {
        if (change.online) this.inbox.resend();
        options.onConnection?.(change);
      },
    });
    this.inbox = new CommandInbox(
      options.execute,
      (answer, delivered) => this.answer(answer, delivered),
      options.inbox ?? DEFAULT_INBOX_LIMITS,
    );
  }

  /** True from the moment the broker has the birth to the end of the connection. */
  get online(): boolean {
    return this.standing.current !== undefined;
  }

  /** True if a reading that is published now goes out: online, and the window has room. */
  get ready(): boolean {
    return this.online && this.inFlight < this.window;
  }

  /** Connects; after every loss connects, subscribes and announces again, with a growing, jittered wait in between. */
  start(): void {
    this.standing.open();
  }

  /** Says goodbye (a retained message like the will), disconnects and stays away. Settles within 5 s. */
  close(): Promise<void> {
    return this.standing.close();
  }

  /**
   * Publishes a reading with `_seq` (epoch in microseconds, strictly increasing) and `_at` (milliseconds since 1970).
   * Never rejects: the outcome tells what became of it. Names that begin with an underscore are the protocol's.
   */
  publish(measurements: Readonly<Record<string, Measurement>>): Promise<PublishOutcome> {
    const { fleet, device, qos = 1 } = this.options;
    const connection = this.standing.current;
    if (connection === undefined) return Promise.resolve('offline');
    if (!this.ready) return Promise.resolve('window_full');
    const now = this.clock();
    this.sequence = Math.max(this.sequence + 1, now * 1000);
    const reading = JSON.stringify({ ...measurements, _seq: this.sequence, _at: now });
    if (Buffer.byteLength(reading) > BOUNDS.maxReadingBytes) return Promise.resolve('too_large');
    this.inFlight += 1;
    return new Promise((resolve) => {
      connection.publish(deviceTopic(fleet, 'telemetry', device), reading, { qos }, (error) => {
        this.inFlight -= 1;
        if (error === undefined) resolve(qos === 0 ? 'sent' : 'acknowledged');
        else resolve(error instanceof ConnectionLost ? 'unknown' : 'refused');
      });
    });
  }

  private receive(payload: Buffer): void {
    const command = parseCommand(payload);
    const arrival = command === undefined ? 'invalid' : this.inbox.receive(command, this.clock());
    this.options.onCommand?.(arrival);
  }

  private answer(answer: Answer, delivered?: () => void): void {
    const topic = deviceTopic(this.options.fleet, 'acknowledgements', this.options.device);
    this.standing.current?.publish(topic, JSON.stringify(answer), { qos: 1 }, (error) => {
      if (error === undefined) delivered?.();
    });
  }
}
