import { connect as connectTcp, isIP } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type Backoff, backoffMs, jitteredMs } from '@lamplighter/contracts/backoff';
import { BOUNDS } from '@lamplighter/contracts/bounds';
import { MqttClient } from 'mqtt';
import { encodePubacks, encodePublish } from './frames.js';
import type { LinkEvents, LinkOptions, MqttMessage, PublishOutcome } from './messages.js';
import { clientPacketIds, FIRST_CLIENT_ID } from './packet-ids.js';
import { PublishTap } from './publish-tap.js';

/** Limits of messages that are not acknowledged yet; beyond them the link stops reading. */
const MAX_IN_FLIGHT = 8192;
const MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;
/**
 * Maximum number of QoS 1 messages in flight from the broker: the limit of MQTT itself. A busy Mosquitto reads one packet of each client in
 * turn, so with many publishers the PUBACKs of this link queue there, and a lower limit would throttle the whole fleet.
 */
const RECEIVE_MAXIMUM = 0xffff;
/** Maximum number of publishes that wait for the broker's receive maximum; further ones count as lost and are dispatched again later. */
const MAX_WAITING = 10_000;
/** QoS 0 publishes are buffered while the broker does not read; beyond this many bytes they are dropped. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
/** Longest wait for the receive maximum, milliseconds: less than a lease (`LEASE_MS`), after which another replica may publish. */
const MAX_WAIT_MS = 4000;
/** Message expiry of an empty retained message. The broker does not store it, but `encodePublish` always sends an expiry. */
const CLEARING_EXPIRY_SECONDS = 60;
/** At least the broker's limit: it silently drops messages that are larger than their receiver accepts. */
const MAX_PACKET_BYTES = BOUNDS.maxPacketBytes + 2048;
const KEEPALIVE_SECONDS = 30;
/** CONNACK reason codes (MQTT 5, 3.2.2.2): bad user name or password, not authorized, banned, bad authentication method. */
const NOT_ALLOWED: readonly (string | number)[] = [134, 135, 138, 140];
const RECONNECT: Backoff = { firstMs: 200, maxMs: 5000 };
/**
 * A connection that lasts this long, longer than any back-off, is stable, milliseconds. Only then is the back-off reset; otherwise two
 * services with the same client id would close each other's connection many times a second.
 */
const STABLE_MS = 10_000;
/** After this many unstable connections in a row, a duplicate client id is likely; Mosquitto 2.0 does not report the reason. */
const DUPLICATE_ID_SUSPECTED = 3;
/** How long the broker keeps a persistent session without a connection, seconds. */
const SESSION_EXPIRY_SECONDS = 24 * 3600;

/** A connection to the broker that reconnects with jitter, and reports subscriptions that the broker refuses. */
export class MqttLink {
  private readonly client: MqttClient;
  private tap: PublishTap | undefined;
  private up = false;
  /** The filters of this connection. */
  private subscribed: string[] = [];
  private connected = 0;
  private reported: boolean | 'refused' | undefined;
  private closing = false;
  private inFlight = 0;
  private inFlightBytes = 0;
  private handlersBusy = false;
  /** Reads no more messages, although its session continues at the broker. */
  private closed = false;
  private heldSince: number | undefined;
  private heldMs = 0;
  private failures = 0;
  private stableTimer: NodeJS.Timeout | undefined;
  /** Connections in a row that were lost before they were stable. */
  private shortConnections = 0;
  private nextId = 0;
  private broker = { receiveMaximum: 0xffff };
  private readonly open = new Map<number, (outcome: PublishOutcome) => void>();
  private readonly waiting: {
    topic: string;
    payload: string;
    expirySeconds: number;
    done: (outcome: PublishOutcome) => void;
    traceparent: string | undefined;
    /** Monotonic time, milliseconds. */
    since: number;
  }[] = [];

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.client = new MqttClient(() => this.openTap(), {
      protocolVersion: 5,
      clientId: options.clientId,
      clean: options.clean,
      ...credentialsOf(options.url),
      keepalive: KEEPALIVE_SECONDS,
      resubscribe: false,
      reconnectOnConnackError: true,
      connectTimeout: 10_000,
      reconnectPeriod: firstRetryMs(),
      messageIdProvider: clientPacketIds(),
      properties: {
        receiveMaximum: RECEIVE_MAXIMUM,
        maximumPacketSize: MAX_PACKET_BYTES,
        ...(!options.clean && { sessionExpiryInterval: SESSION_EXPIRY_SECONDS }),
      },
    });
    this.client.on('connect', ({ properties }) => {
      this.broker = { receiveMaximum: properties?.receiveMaximum ?? 0xffff };
      this.subscribe();
    });
    this.client.on('reconnect', () => {
      // MQTT.js waits `reconnectPeriod` before each attempt; changing it after each gives back-off with jitter.
      this.client.options.reconnectPeriod = backoffMs(this.failures, RECONNECT);
      this.failures += 1;
    });
    this.client.on('error', (error) => {
      const { code } = error as { code?: string | number };
      this.reportDown(error.message || String(code), NOT_ALLOWED.includes(code ?? ''));
    });
    this.client.on('close', () => this.onClose());
  }

  /** Connected, and the broker granted every subscription. */
  get isUp(): boolean {
    return this.up;
  }

  /** How often it has connected and subscribed. */
  get connections(): number {
    return this.connected;
  }

  /** Messages received and not acknowledged yet. */
  get inFlightMessages(): number {
    return this.inFlight;
  }

  /** Total time of back-pressure, milliseconds. */
  get backpressureMs(): number {
    return this.heldMs + (this.heldSince === undefined ? 0 : performance.now() - this.heldSince);
  }

  /**
   * Publishes with QoS 1. `done` gets the reason code of the PUBACK: 0 success, 16 no matching subscribers, 128 and above refused.
   * While the connection is down the outcome is immediately `lost`: the store, not this process, queues commands.
   */
  publish(
    topic: string,
    payload: string,
    expirySeconds: number,
    done: (outcome: PublishOutcome) => void,
    traceparent?: string,
  ): void {
    if (!this.up || this.waiting.length >= MAX_WAITING) done('lost');
    else if (this.open.size >= this.broker.receiveMaximum)
      this.waiting.push({ topic, payload, expirySeconds, done, traceparent, since: performance.now() });
    else this.transmit(topic, payload, expirySeconds, done, traceparent);
  }

  /** Clears the retained message of a topic, with QoS 1. While the connection is down the outcome is immediately `lost`. */
  clearRetained(topic: string, done: (outcome: PublishOutcome) => void): void {
    if (!this.up || this.open.size >= this.broker.receiveMaximum) {
      done('lost');
      return;
    }
    this.tap?.send(encodePublish(this.openPacket(done), topic, '', CLEARING_EXPIRY_SECONDS, undefined, true));
  }

  /** Publishes with QoS 0, for messages that the receiver can do without. False if the message is dropped. */
  publishQos0(topic: string, payload: string, expirySeconds: number): boolean {
    if (!this.up || this.tap === undefined || this.tap.unsentBytes > MAX_UNSENT_BYTES) return false;
    this.tap.send(encodePublish(0, topic, payload, expirySeconds));
    return true;
  }

  /**
   * Publishes with QoS 0, retained, for messages that are published again after a reconnect. False if the message is dropped.
   * @param expirySeconds how long the broker retains it
   */
  publishRetained(topic: string, payload: string, expirySeconds: number): boolean {
    if (!this.up || this.tap === undefined || this.tap.unsentBytes > MAX_UNSENT_BYTES) return false;
    this.tap.send(encodePublish(0, topic, payload, expirySeconds, undefined, true));
    return true;
  }

  /** Acknowledges messages: sends PUBACK for QoS 1 and frees their in-flight slots. @param reasonCode of the PUBACKs (MQTT 5, 3.4.2.1) */
  acknowledge(messages: readonly MqttMessage[], reasonCode = 0): void {
    let bytes = 0;
    const ids: number[] = [];
    for (const message of messages) {
      bytes += message.payload.length;
      if (message.qos === 1 && message.connection === this.tap) ids.push(message.packetId);
    }
    this.inFlight -= messages.length;
    this.inFlightBytes -= bytes;
    if (ids.length > 0) this.tap?.send(encodePubacks(ids, reasonCode));
    this.updateIntake();
  }

  /** Pauses or resumes reading. While paused, messages queue in the kernel, then at the broker. */
  set busy(busy: boolean) {
    this.handlersBusy = busy;
    this.updateIntake();
  }

  /** Stops reading new messages. Messages in flight can still be acknowledged. */
  async stopIntake(): Promise<void> {
    this.closing = true;
    if (!this.up) return;
    if (this.options.clean && this.subscribed.length > 0) {
      // The broker delivers later messages to other members of the group.
      await this.client
        .unsubscribeAsync(this.subscribed)
        // eslint-disable-next-line no-restricted-syntax -- without a connection there is nothing to unsubscribe
        .catch(() => undefined);
    } else {
      this.closed = true;
      this.updateIntake();
    }
  }

  /** Ends the connection with a DISCONNECT. */
  async close(): Promise<void> {
    this.closing = true;
    // A paused socket does not detect that the broker closed the connection, so do not wait for it.
    // eslint-disable-next-line no-restricted-syntax -- the client is being closed
    await this.client.endAsync(!this.up || this.heldSince !== undefined).catch(() => undefined);
  }

  private openTap(): PublishTap {
    const url = new URL(this.options.url);
    // A reconnect uses the current password. The first connection starts before the field is set.
    if (this.client as MqttClient | undefined) Object.assign(this.client.options, credentialsOf(url.href));
    const secure = url.protocol === 'mqtts:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port || (secure ? 8883 : 1883));
    const tap: PublishTap = new PublishTap(
      (onread) =>
        secure
          ? connectTls({
              host,
              port,
              ...(isIP(host) === 0 && { servername: host }),
              ...(this.options.ca !== undefined && { ca: this.options.ca }),
              onread,
            } as ConnectionOptions).setNoDelay(true)
          : connectTcp({ host, port, noDelay: true, onread }),
      {
        publish: (topic, payload, qos, packetId, traceparent, delivery) =>
          this.take({
            topic,
            payload,
            qos,
            packetId,
            delivery,
            traceparent,
            arrivedAt: tap.readAt,
            connection: tap,
          }),
        puback: (packetId, reasonCode) => this.completePublish(packetId, reasonCode),
      },
      () => this.events.afterRead(),
      MAX_PACKET_BYTES,
    );
    this.tap = tap;
    return tap;
  }

  private take(message: MqttMessage): void {
    this.inFlight += 1;
    this.inFlightBytes += message.payload.length;
    this.updateIntake();
    this.events.onMessage(message);
  }

  /** Starts or stops reading the socket. */
  private updateIntake(): void {
    const full = this.inFlight >= MAX_IN_FLIGHT || this.inFlightBytes >= MAX_IN_FLIGHT_BYTES;
    if (full || this.handlersBusy || this.closed) {
      this.tap?.hold();
      this.heldSince ??= performance.now();
    } else if (this.heldSince !== undefined) {
      this.tap?.release();
      this.endHold();
    }
  }

  private endHold(): void {
    if (this.heldSince !== undefined) this.heldMs += performance.now() - this.heldSince;
    this.heldSince = undefined;
  }

  private transmit(
    topic: string,
    payload: string,
    expirySeconds: number,
    done: (outcome: PublishOutcome) => void,
    traceparent: string | undefined,
  ): void {
    this.tap?.send(encodePublish(this.openPacket(done), topic, payload, expirySeconds, traceparent));
  }

  /** Allocates a packet id; `done` gets the outcome. */
  private openPacket(done: (outcome: PublishOutcome) => void): number {
    do this.nextId = (this.nextId % (FIRST_CLIENT_ID - 1)) + 1;
    while (this.open.has(this.nextId));
    this.open.set(this.nextId, done);
    return this.nextId;
  }

  private completePublish(packetId: number, reasonCode: number): void {
    const done = this.open.get(packetId);
    if (done === undefined) return;
    this.open.delete(packetId);
    this.transmitNext();
    done(reasonCode);
  }

  /** Transmits the next waiting message that is not too old. Its expiry counts from the call of `publish`. */
  private transmitNext(): void {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      const waitedMs = performance.now() - next.since;
      const leftMs = next.expirySeconds * 1000 - waitedMs;
      if (leftMs > 0 && waitedMs < MAX_WAIT_MS) {
        const expirySeconds = Math.max(1, Math.floor(leftMs / 1000));
        this.transmit(next.topic, next.payload, expirySeconds, next.done, next.traceparent);
        return;
      }
      next.done('lost');
    }
  }

  private subscribe(): void {
    const { filters } = this.options;
    this.subscribed = filters.map(({ filter }) => filter);
    if (filters.length === 0) {
      this.markUp();
      return;
    }
    // Retain handling 2: no retained messages (3.8.3.1). Mosquitto 2.0.11 sends them to shared subscriptions anyway.
    const subscriptions = Object.fromEntries(
      filters.map(({ filter, includesRetained }) => [
        filter,
        { qos: 1, rh: includesRetained ? 0 : 2 } as const,
      ]),
    );
    this.client.subscribe(subscriptions, (error, granted) => {
      const refused = (granted ?? []).filter(({ qos }) => qos >= 128).map(({ topic }) => withoutGroup(topic));
      if (error === null && refused.length === 0) {
        this.markUp();
        return;
      }
      if (this.closing) return;
      this.reportDown(
        `the broker refused the subscription ${refused.join(', ') || error?.message}; check its access list`,
        refused.length > 0,
      );
      this.tap?.destroy();
    });
  }

  private markUp(): void {
    this.up = true;
    this.connected += 1;
    this.reported = true;
    this.stableTimer = setTimeout(() => {
      this.shortConnections = 0;
      this.failures = 0;
      this.client.options.reconnectPeriod = firstRetryMs();
    }, STABLE_MS).unref();
    this.events.onUp();
  }

  private reportDown(why: string, isRefused = false): void {
    if (this.up) this.shortConnections += 1;
    this.up = false;
    const reason =
      this.shortConnections < DUPLICATE_ID_SUSPECTED
        ? why
        : `${why}, repeatedly soon after connecting; another client may use its client id`;
    // Once per outage, and again if the broker then refuses the connection.
    if (this.reported === 'refused' || (this.reported === false && !isRefused) || this.closing) return;
    this.reported = isRefused ? 'refused' : false;
    this.events.onDown(reason, isRefused);
  }

  private onClose(): void {
    clearTimeout(this.stableTimer);
    this.reportDown('the connection was closed');
    this.endHold();
    const lost = [...this.open.values(), ...this.waiting.splice(0).map(({ done }) => done)];
    this.open.clear();
    for (const done of lost) done('lost');
  }
}

function credentialsOf(url: string): { username?: string; password?: string } {
  const { username, password } = new URL(url);
  if (username === '') return {};
  return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** A filter without the share group, whose name must not be logged. */
function withoutGroup(filter: string): string {
  return filter.replace(/^\$share\/[^/]*\//, '');
}

/** Pause before the first attempt after a stable connection was lost, milliseconds. */
const firstRetryMs = () => jitteredMs(150, 2 / 3);
