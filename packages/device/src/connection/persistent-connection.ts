import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import type { Birth, Will } from '@lamplighter/contracts/devices/presence';
import { deviceTopic } from '@lamplighter/contracts/topics';
import type { Broker } from './broker.js';
import { Connection, type ConnectionEnd, ConnectionLost, type IncomingMessage } from './connection.js';
import type { Traffic } from './traffic.js';

export interface PersistentConnectionOptions {
  readonly broker: Broker;
  readonly fleet: string;
  readonly device: string;
  readonly keepAliveSeconds: number;
  readonly backoff: Backoff;
  /** The fields of the birth other than session and time. */
  readonly announcement: Pick<Birth, 'telemetry' | 'sleeps' | 'reports' | 'boot' | 'forgetAfter'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Returns the next session number; it grows. */
  readonly nextSession: () => number;
  readonly onMessage: (message: IncomingMessage) => void;
  readonly onChange: (change: ConnectionChange) => void;
  readonly traffic?: Traffic | undefined;
}

/** The device has announced itself, or a connection or an attempt ended and another attempt follows. */
export type ConnectionChange =
  | { readonly online: true; readonly session: number }
  | ({ readonly online: false; readonly retryInMs: number } & ConnectionEnd);

/** A connection that lasts this long resets the back-off. */
const STABLE_MS = 10_000;
const CLOSE_TIMEOUT_MS = 5000;
/** After a refused connection a person must change something, so the next attempt waits for the longest back-off. */
const REFUSED_FAILURES = 30;

/**
 * Keeps a device connected. Each connection is a session with its own number: it registers a will, subscribes to the commands of the
 * device (and to receipts, if the device keeps its readings) and then publishes the birth, so that the service sends nothing before the
 * subscription exists. Reconnects after a loss.
 */
export class PersistentConnection {
  private connection: Connection | undefined;
  private online = false;
  private session = 0;
  private failures = 0;
  private openedAt = 0;
  private retry: NodeJS.Timeout | undefined;
  private refusal: string | undefined;
  private closing: { readonly done: Promise<void>; readonly settle: () => void } | undefined;

  constructor(private readonly options: PersistentConnectionOptions) {}

  /** The connection, once the device has announced itself; undefined while offline. */
  get current(): Connection | undefined {
    return this.online ? this.connection : undefined;
  }

  open(): void {
    if (this.connection === undefined && this.retry === undefined) this.connect();
  }

  /** Publishes the goodbye, disconnects and does not reconnect. Settles within 5 s. */
  async close(): Promise<void> {
    clearTimeout(this.retry);
    this.retry = undefined;
    if (this.connection === undefined) return;
    if (this.closing === undefined) {
      let settle = () => {};
      const done = new Promise<void>((resolve) => {
        settle = resolve;
      });
      this.closing = { done, settle };
      // The broker discards the will after a DISCONNECT; the goodbye replaces it.
      const mayLeave = this.options.announcement.forgetAfter !== undefined;
      this.announce(mayLeave ? { ...this.will(), goodbye: true } : this.will(), () => {});
      this.online = false;
      this.connection.end(CLOSE_TIMEOUT_MS);
    }
    await this.closing?.done;
  }

  private connect(): void {
    const { broker, fleet, device, keepAliveSeconds, nextSession, onMessage, traffic } = this.options;
    this.retry = undefined;
    this.session = nextSession();
    this.connection = new Connection(
      {
        broker,
        clientId: `${fleet}.${device}`,
        keepAliveSeconds,
        traffic,
        will: { topic: deviceTopic(fleet, 'presence', device), payload: JSON.stringify(this.will()) },
      },
      {
        onOpen: () => this.subscribeAndAnnounce(),
        onMessage,
        onEnd: (end) => this.onEnd(end),
      },
    );
  }

  private subscribeAndAnnounce(): void {
    const { fleet, device, clock, announcement } = this.options;
    this.openedAt = performance.now();
    const topics = [deviceTopic(fleet, 'commands', device)];
    if (announcement.telemetry === 'keep') topics.push(deviceTopic(fleet, 'receipts', device));
    this.connection?.subscribe(topics, (error) => {
      if (error instanceof ConnectionLost) return;
      if (error) return this.endRefused(`cannot subscribe to commands: ${error.message}`);
      const at = Math.floor(clock());
      this.announce({ online: true, session: this.session, at, ...announcement }, (refused) => {
        if (refused instanceof ConnectionLost) return;
        if (refused) return this.endRefused(`cannot publish the birth: ${refused.message}`);
        if (this.closing) return;
        this.online = true;
        this.options.onChange({ online: true, session: this.session });
      });
    });
  }

  private announce(presence: Birth | Will, done: (error?: Error) => void): void {
    const topic = deviceTopic(this.options.fleet, 'presence', this.options.device);
    this.connection?.publish(topic, JSON.stringify(presence), { qos: 1, retain: true }, done);
  }

  private will(): Will {
    return { online: false, session: this.session };
  }

  /** The broker accepted the connection but refused the subscription or the birth. */
  private endRefused(refusal: string): void {
    this.refusal = refusal;
    this.connection?.end(CLOSE_TIMEOUT_MS);
  }

  private onEnd(end: ConnectionEnd): void {
    const refusal = this.refusal;
    this.connection = undefined;
    this.online = false;
    this.refusal = undefined;
    if (this.closing) {
      this.closing.settle();
      this.closing = undefined;
      return;
    }
    const why: ConnectionEnd = refusal === undefined ? end : { cause: 'refused', reason: refusal };
    if (end.cause === 'lost' && performance.now() - this.openedAt >= STABLE_MS) this.failures = 0;
    const retryInMs = backoffMs(
      why.cause === 'refused' ? REFUSED_FAILURES : this.failures,
      this.options.backoff,
    );
    this.failures += 1;
    this.retry = setTimeout(() => this.connect(), retryInMs);
    this.options.onChange({ online: false, retryInMs, ...why });
  }
}
