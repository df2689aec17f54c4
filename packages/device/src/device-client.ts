import { randomBytes } from 'node:crypto';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { Answer } from '@lamplighter/contracts/commands/command';
import { EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { IDENTITY } from '@lamplighter/contracts/identity';
import { parseReceipt } from '@lamplighter/contracts/telemetry/receipt';
import { deviceTopic, parseTopic } from '@lamplighter/contracts/topics';
import { CommandInbox, type InboxLimits } from './commands/command-inbox.js';
import { type Execute, reasonOf } from './commands/execute-command.js';
import { parseCommand } from './commands/received-command.js';
import { type Broker, DEFAULT_BACKOFF } from './connection/broker.js';
import { type Arrived, ConnectionLost } from './connection/connection.js';
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

/** Reason code of a PUBACK. */
const NOBODY_LISTENS = 16;

export interface DeviceOptions {
  readonly broker: Broker;
  readonly fleet: string;
  readonly device: string;
  /** What to do with a command. */
  readonly execute: Execute;
  /** Whether readings are kept until the server has them; default `latest`: they are not. */
  readonly telemetry?: 'latest' | 'keep';
  /** What survives a restart; by default nothing does. `new FileStorage(path)` for a device with a disk. */
  readonly storage?: Storage;
  /** With `keep`: how much is kept, and who goes when that is full. */
  readonly outbox?: Partial<OutboxLimits>;
  /** With `keep`: how many messages wait for receipts, and for how long. */
  readonly replay?: ReplayOptions;
  /** Whether the device accepts a rule of its fleet, by which it decides while the link is down. */
  readonly edgeRules?: boolean;
  /** For how long the link must be down before that, ms; default 30 s. */
  readonly fallbackAfterMs?: number;
  /** For a device that connects only to report: it does so at least this often, ms. */
  readonly sleeps?: number;
  /** For a device that stays connected and reports more seldom than every 20 s: it does so at least this often, ms. */
  readonly reports?: number;
  /** Names the run of the actuator: rules command again what holds when it changes. By default it is the run of this client. */
  readonly boot?: string;
  /** The device may leave for good: the service removes it once it has been away for so long, milliseconds. */
  readonly forgetAfterMs?: number;
  /** QoS of telemetry; default 1. */
  readonly qos?: 0 | 1 | 2;
  /** Default 60 s. */
  readonly keepAliveSeconds?: number;
  /** With `latest`: most readings on their way to the broker; more are dropped until it answers. Default 16. */
  readonly window?: number;
  readonly backoff?: Backoff;
  readonly inbox?: InboxLimits;
  /** Told everything that happens, in order. It must not throw. */
  readonly onEvent?: (event: DeviceEvent) => void;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** Counts bytes and wake-ups; one instance per device, also for the client that replaces this one. */
  readonly traffic?: Traffic;
}

/**
 * One device of a fleet: keeps connected, publishes readings, carries out commands and answers them; docs/devices.md tells how.
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
  private readonly standing: PersistentConnection;
  private readonly inbox: CommandInbox;
  private readonly telemetry: Telemetry;
  /** There once a rule was given: of thousands of devices in a process most have none. */
  private edge: EdgeRule | undefined;
  private readonly serverClock: ServerClock;
  private readonly clock: () => number;
  private readonly storage: Storage;
  private readonly onEvent: (event: DeviceEvent) => void;
  /** Answers in a row that nobody has heard, and when they are given again. */
  private unheard = 0;
  private answersAgain: NodeJS.Timeout | undefined;

  /** @throws TypeError if the fleet's or the device's name is none */
  constructor(private readonly options: DeviceOptions) {
    const { fleet, device, broker } = options;
    for (const name of [fleet, device]) {
      if (!IDENTITY.test(name)) throw new TypeError(`"${name}" cannot be the name of a fleet or a device`);
    }
    this.clock = options.clock ?? Date.now;
    this.storage = options.storage ?? new MemoryStorage();
    const { onEvent = () => {} } = options;
    this.onEvent = (event) => {
      this.edge?.note(event);
      onEvent(event);
    };
    this.serverClock = new ServerClock(this.clock);
    this.standing = new PersistentConnection({
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
      onChange: (change) => this.note(change),
      traffic: options.traffic,
    });
    this.inbox = new CommandInbox({
      execute: (...command) => this.carryOut(...command),
      send: (answer, delivered, traceparent) => this.answer(answer, delivered, traceparent),
      storage: this.storage,
      survivesRestart: options.storage !== undefined,
      onEvent: this.onEvent,
      ...(options.inbox && { limits: options.inbox }),
    });
    this.telemetry = this.openTelemetry();
    if (options.edgeRules && this.storage.get(RULE_KEY) !== undefined) this.edge = this.openEdge();
  }

  /** True from the moment the broker has the birth to the end of the connection. */
  get online(): boolean {
    return this.standing.current !== undefined;
  }

  /** Readings in the outbox; 0 with policy `latest`. */
  get waiting(): number {
    return this.telemetry.waiting;
  }

  /** Connects; after every loss connects, subscribes and announces again, with a growing, jittered wait in between. */
  start(): void {
    this.edge?.lost();
    this.standing.open();
  }

  /** Says goodbye (a retained message like the will), disconnects and stays away. Settles within 5 s. */
  close(): Promise<void> {
    this.edge?.close();
    this.telemetry.offline();
    return this.standing.close();
  }

  /**
   * Takes a reading: publishes it with `_seq`, `_at`, `_n` and `_dropped`, and with policy `keep` first puts it into the outbox.
   * Never rejects: the outcome tells what became of it. With `keep` the promise is settled when the reading is as safe as the
   * storage makes it, in the same turn.
   */
  publish(measurements: Measurements): Promise<PublishOutcome> {
    this.edge?.consider(measurements);
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
      keeps: telemetry === 'keep',
      clock: () => Math.floor(clock()),
      now: () => Math.floor(this.serverClock.now()),
      storage,
      onEvent,
    });
  }

  /** A rule for the edge is the library's own business; everything else is the program's. */
  private carryOut(...command: Parameters<Execute>): unknown {
    const [action, envelope] = command;
    if (this.options.edgeRules && EDGE_RULE_KEY in action) {
      this.edge ??= this.openEdge();
      return this.edge.follow(action);
    }
    this.edge?.told(action, envelope);
    return this.options.execute(...command);
  }

  /** The time will do, as long as it grows: a clock that was set back must not make a session look old. */
  private nextSession(): number {
    const session = Math.max(Number(this.storage.get('session') ?? 0) + 1, Math.floor(this.clock()));
    try {
      this.storage.write([['session', String(session)]]);
    } catch (error) {
      this.onEvent({ event: 'storage_failed', reason: reasonOf(error) });
    }
    return session;
  }

  private note(change: ConnectionChange): void {
    if (change.online) {
      this.onEvent({ event: 'online', session: change.session });
      this.edge?.returned();
      this.inbox.resend();
      this.telemetry.online();
    } else {
      const { online, ...end } = change;
      this.onEvent({ event: 'offline', ...end });
      this.edge?.lost();
      this.telemetry.offline();
    }
  }

  private receive(message: Arrived): void {
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
    const connection = this.standing.current;
    if (connection === undefined) {
      done('unknown');
      return;
    }
    connection.publish(deviceTopic(fleet, 'telemetry', device), payload, { qos }, (error) => {
      if (error === undefined) done(qos === 0 ? 'sent' : 'acknowledged');
      else done(error instanceof ConnectionLost ? 'unknown' : 'refused');
    });
  }

  private answer(answer: Answer, delivered?: () => void, traceparent?: string): void {
    const topic = deviceTopic(this.options.fleet, 'acknowledgements', this.options.device);
    const how = { qos: 1, traceparent } as const;
    this.standing.current?.publish(topic, JSON.stringify(answer), how, (error, reasonCode) => {
      if (error !== undefined) return;
      if (reasonCode === NOBODY_LISTENS) {
        this.answerLater();
      } else {
        this.unheard = 0;
        delivered?.();
      }
    });
  }

  /** The broker keeps nothing for a server that is away. */
  private answerLater(): void {
    if (this.answersAgain !== undefined) return;
    const again = () => {
      this.answersAgain = undefined;
      this.inbox.resend();
    };
    this.answersAgain = setTimeout(again, backoffMs(this.unheard, DEFAULT_BACKOFF)).unref();
    this.unheard += 1;
  }
}
