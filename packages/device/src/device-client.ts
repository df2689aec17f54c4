import { randomBytes } from 'node:crypto';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { Acknowledgement } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { IDENTITY } from '@lamplighter/contracts/identity';
import { parseReceipt } from '@lamplighter/contracts/telemetry/receipt';
import { deviceTopic, parseTopic } from '@lamplighter/contracts/topics';
import { CommandInbox, type InboxLimits } from './commands/command-inbox.js';
import { type Execute, reasonOf } from './commands/execute-command.js';
import { parseCommand } from './commands/received-command.js';
import { type Broker, DEFAULT_BACKOFF } from './connection/broker.js';
import { ConnectionLost, type IncomingMessage } from './connection/connection.js';
import { type ConnectionChange, PersistentConnection } from './connection/persistent-connection.js';
import { ServerClock } from './connection/server-clock.js';
import type { Traffic } from './connection/traffic.js';
import type { DeviceEvent, Settled } from './device-event.js';
import { EdgeRule, RULE_KEY } from './edge/edge-rule.js';
import { MemoryStorage, type Storage } from './storage/storage.js';
import { KeptTelemetry } from './telemetry/kept-telemetry.js';
import { LatestTelemetry } from './telemetry/latest-telemetry.js';
import { DEFAULT_OUTBOX_LIMITS, Outbox, type OutboxLimits } from './telemetry/outbox.js';
import type { ReplayOptions } from './telemetry/outbox-replay.js';
import { type Measurements, ReadingCount } from './telemetry/reading-count.js';
import type { PublishOutcome, Telemetry } from './telemetry/telemetry.js';

/** PUBACK reason code 16: no matching subscribers. */
const NO_MATCHING_SUBSCRIBERS = 16;

export interface DeviceOptions {
  readonly broker: Broker;
  readonly fleet: string;
  readonly device: string;
  /** Executes commands. */
  readonly execute: Execute;
  /** `keep`: readings stay in an outbox until the server has stored them. Default `latest`: they are sent once. */
  readonly telemetry?: 'latest' | 'keep';
  /** State that survives a restart, such as `new FileStorage(path)`. Default: in memory. */
  readonly storage?: Storage;
  /** With `keep`: bounds of the outbox and its drop policy. */
  readonly outbox?: Partial<OutboxLimits>;
  /** With `keep`: messages in flight and their retransmission. */
  readonly replay?: ReplayOptions;
  /** Whether the device accepts an edge rule, which it evaluates while the link is down. */
  readonly edgeRules?: boolean;
  /** How long the link must be down before the edge rule takes over, milliseconds. Default 30 s. */
  readonly fallbackAfterMs?: number;
  /** For a device that connects only to report: its longest time between reports, milliseconds. */
  readonly sleeps?: number;
  /** For a connected device that reports less often than every 20 s: its longest time between reports, milliseconds. */
  readonly reports?: number;
  /** Identifies the run of the actuator. When it changes, rules send their held commands again. Default: new for each client. */
  readonly boot?: string;
  /** The service removes the device after it has been offline for this long, milliseconds. Default: never. */
  readonly forgetAfterMs?: number;
  /** QoS of telemetry; default 1. */
  readonly qos?: 0 | 1 | 2;
  /** Default 60 s. */
  readonly keepAliveSeconds?: number;
  /** With `latest`: maximum number of readings in flight; further ones are dropped. Default 16. */
  readonly window?: number;
  readonly backoff?: Backoff;
  readonly inbox?: InboxLimits;
  /** Called for every event, in order. Must not throw. */
  readonly onEvent?: (event: DeviceEvent) => void;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** Counts bytes and wake-ups. Reuse the instance when a new client replaces this one. */
  readonly traffic?: Traffic;
}

/**
 * One device of a fleet: stays connected, publishes readings, executes and acknowledges commands. See docs/devices.md.
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
  private readonly connection: PersistentConnection;
  private readonly inbox: CommandInbox;
  private readonly telemetry: Telemetry;
  /** Created with the first edge rule, to save memory on devices without one. */
  private edge: EdgeRule | undefined;
  private readonly serverClock: ServerClock;
  private readonly clock: () => number;
  private readonly storage: Storage;
  private readonly onEvent: (event: DeviceEvent) => void;
  /** Consecutive acknowledgements without a subscriber. */
  private undelivered = 0;
  private resendTimer: NodeJS.Timeout | undefined;

  /** @throws TypeError if the name of the fleet or device is invalid */
  constructor(private readonly options: DeviceOptions) {
    const { fleet, device, broker } = options;
    for (const name of [fleet, device]) {
      if (!IDENTITY.test(name)) throw new TypeError(`"${name}" is not a valid fleet or device name`);
    }
    this.clock = options.clock ?? Date.now;
    this.storage = options.storage ?? new MemoryStorage();
    const { onEvent = () => {} } = options;
    this.onEvent = (event) => {
      this.edge?.onConnectionChange(event);
      onEvent(event);
    };
    this.serverClock = new ServerClock(this.clock);
    this.connection = new PersistentConnection({
      broker,
      fleet,
      device,
      keepAliveSeconds: options.keepAliveSeconds ?? 60,
      backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
      announcement: {
        telemetry: options.telemetry ?? 'latest',
        boot: options.boot ?? randomBytes(9).toString('hex'),
        ...(options.sleeps !== undefined && { sleeps: options.sleeps }),
        ...(options.reports !== undefined && { reports: options.reports }),
        ...(options.forgetAfterMs !== undefined && { forgetAfter: options.forgetAfterMs }),
      },
      clock: this.clock,
      nextSession: () => this.nextSession(),
      onMessage: (message) => this.receive(message),
      onChange: (change) => this.onConnectionChange(change),
      traffic: options.traffic,
    });
    this.inbox = new CommandInbox({
      execute: (...command) => this.execute(...command),
      send: (sendAcknowledgement, delivered, traceparent) =>
        this.acknowledge(sendAcknowledgement, delivered, traceparent),
      storage: this.storage,
      survivesRestart: options.storage !== undefined,
      onEvent: this.onEvent,
      ...(options.inbox && { limits: options.inbox }),
    });
    this.telemetry = this.openTelemetry();
    if (options.edgeRules && this.storage.get(RULE_KEY) !== undefined) this.edge = this.openEdge();
  }

  /** True from the PUBACK of the birth until the connection ends. */
  get online(): boolean {
    return this.connection.current !== undefined;
  }

  /** Readings in the outbox; 0 with policy `latest`. */
  get waiting(): number {
    return this.telemetry.waiting;
  }

  /** Connects, and reconnects after every loss with exponential back-off and jitter. */
  start(): void {
    this.edge?.onOffline();
    this.connection.open();
  }

  /** Publishes the goodbye (a retained message like the will), disconnects and does not reconnect. Settles within 5 s. */
  close(): Promise<void> {
    this.edge?.close();
    this.telemetry.offline();
    return this.connection.close();
  }

  /**
   * Publishes a reading with `_seq`, `_at`, `_n` and `_dropped`; with policy `keep` it first enters the outbox. Never rejects; see
   * `PublishOutcome`. With `keep` the promise settles in the same turn, once the storage holds the reading.
   */
  publish(measurements: Measurements): Promise<PublishOutcome> {
    this.edge?.onReading(measurements);
    const edge = this.edge?.report(measurements);
    return this.telemetry.publish(edge === undefined ? measurements : { ...measurements, _edge: edge });
  }

  private openTelemetry(): Telemetry {
    const { telemetry, outbox, replay, window = 16 } = this.options;
    const tools = {
      count: new ReadingCount(this.storage, this.clock),
      isOnline: () => this.online,
      transmit: (payload: string, done: (outcome: Settled) => void) => this.transmit(payload, done),
      onEvent: this.onEvent,
    };
    if (telemetry !== 'keep') return new LatestTelemetry(tools, window);
    return new KeptTelemetry(
      tools,
      new Outbox(this.storage, { ...DEFAULT_OUTBOX_LIMITS, ...outbox }),
      replay,
    );
  }

  private openEdge(): EdgeRule {
    const { fleet, device, fallbackAfterMs = 30_000, execute, telemetry } = this.options;
    const { clock, storage, onEvent } = this;
    return new EdgeRule({
      fleet,
      device,
      execute,
      afterMs: fallbackAfterMs,
      awaitsReceipt: telemetry === 'keep',
      clock: () => Math.floor(clock()),
      now: () => Math.floor(this.serverClock.now()),
      storage,
      onEvent,
    });
  }

  /** The library handles edge rules itself and passes every other command to the program. */
  private execute(...command: Parameters<Execute>): unknown {
    const [action, envelope] = command;
    if (this.options.edgeRules && EDGE_RULE_KEY in action) {
      this.edge ??= this.openEdge();
      return this.edge.install(action);
    }
    this.edge?.onServerCommand(action, envelope);
    return this.options.execute(...command);
  }

  /** The time, or one more than the last session, so that a clock set backwards does not make the session look old. */
  private nextSession(): number {
    const session = Math.max(Number(this.storage.get('session') ?? 0) + 1, Math.floor(this.clock()));
    try {
      this.storage.write([['session', String(session)]]);
    } catch (error) {
      this.onEvent({ event: 'storage_failed', reason: reasonOf(error) });
    }
    return session;
  }

  private onConnectionChange(change: ConnectionChange): void {
    if (change.online) {
      this.onEvent({ event: 'online', session: change.session });
      this.edge?.onOnline();
      this.inbox.resend();
      this.telemetry.online();
    } else {
      const { online, ...end } = change;
      this.onEvent({ event: 'offline', ...end });
      this.edge?.onOffline();
      this.telemetry.offline();
    }
  }

  private receive(message: IncomingMessage): void {
    if (parseTopic(message.topic)?.kind === 'receipts') {
      const receipt = parseReceipt(message.payload);
      if (receipt !== undefined) this.telemetry.receive(receipt);
      return;
    }
    const command = parseCommand(message.payload);
    if (command === undefined) {
      this.onEvent({ event: 'command', arrival: 'invalid' });
      return;
    }
    const { envelope } = command;
    if (envelope !== undefined && message.secondsLeft !== undefined) {
      const { expiresAt, deliverBy = expiresAt } = envelope;
      this.serverClock.observe(deliverBy - message.secondsLeft * 1000, message.delayMs);
    }
    const traced = { ...command, traceparent: message.traceparent };
    this.inbox.receive(traced, () => this.serverClock.now());
  }

  private transmit(payload: string, done: (outcome: Settled) => void): void {
    const { fleet, device, qos = 1 } = this.options;
    const connection = this.connection.current;
    if (connection === undefined) {
      done('unknown');
      return;
    }
    connection.publish(deviceTopic(fleet, 'telemetry', device), payload, { qos }, (error) => {
      if (error === undefined) done(qos === 0 ? 'sent' : 'acknowledged');
      else done(error instanceof ConnectionLost ? 'unknown' : 'refused');
    });
  }

  private acknowledge(acknowledgement: Acknowledgement, delivered?: () => void, traceparent?: string): void {
    const topic = deviceTopic(this.options.fleet, 'acknowledgements', this.options.device);
    const how = { qos: 1, traceparent } as const;
    this.connection.current?.publish(topic, JSON.stringify(acknowledgement), how, (error, reasonCode) => {
      if (error !== undefined) return;
      if (reasonCode === NO_MATCHING_SUBSCRIBERS) {
        this.resendLater();
      } else {
        this.undelivered = 0;
        delivered?.();
      }
    });
  }

  /** The broker queues nothing for a service that is not connected. */
  private resendLater(): void {
    if (this.resendTimer !== undefined) return;
    const again = () => {
      this.resendTimer = undefined;
      this.inbox.resend();
    };
    this.resendTimer = setTimeout(again, backoffMs(this.undelivered, DEFAULT_BACKOFF)).unref();
    this.undelivered += 1;
  }
}
