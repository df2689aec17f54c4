import { connect as connectTcp, isIP } from 'node:net';
import { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { parseTraceparent, TRACEPARENT } from '@lamplighter/contracts/trace-context';
import { type ErrorWithReasonCode, type IClientOptions, MqttClient, type Packet } from 'mqtt';
import type { Broker } from './broker.js';
import type { Traffic } from './traffic.js';

/** Largest packet accepted from the broker, bytes: enough for any command, and for a receipt of all messages in flight. */
const MAX_PACKET_BYTES = 65_536;
/** Maximum number of received messages without our PUBACK. */
const RECEIVE_MAXIMUM = 16;
/** An attempt without a CONNACK ends after this time. */
const CONNECT_TIMEOUT_MS = 20_000;

export interface ConnectionOptions {
  readonly broker: Broker;
  readonly clientId: string;
  /** Seconds. A connection without a packet from the broker for 1.5 times as long is closed. */
  readonly keepAliveSeconds: number;
  /** Published, retained, by the broker if the connection ends without a DISCONNECT. */
  readonly will?: { readonly topic: string; readonly payload: string };
  /** Counts bytes and packets. */
  readonly traffic?: Traffic | undefined;
}

/**
 * Why a connection ended: `unreachable` (never established), `refused` (by the broker; `code` is its reason code) or `lost` (after it
 * was established). `reason` is for log lines.
 */
export interface ConnectionEnd {
  readonly cause: 'unreachable' | 'refused' | 'lost';
  readonly reason: string;
  readonly code?: number;
}

/** A received message. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** Remaining message expiry, seconds; undefined if the message does not expire. */
  readonly secondsLeft: number | undefined;
  /** W3C trace context. */
  readonly traceparent: string | undefined;
  /** Upper bound of the time since the broker sent it, milliseconds. */
  readonly delayMs: number;
}

export interface ConnectionHandlers {
  onOpen(): void;
  onMessage(message: IncomingMessage): void;
  /** Called once; nothing else is called afterwards. */
  onEnd(end: ConnectionEnd): void;
}

/** Called when a publish or subscription completes. `reasonCode` is that of the PUBACK (MQTT 5, 2.4); 16 means no matching subscribers. */
export type PublishCallback = (error: Error | undefined, reasonCode?: number) => void;

/** The connection ended before the broker responded: it is unknown whether the broker accepted the packet. Any other error is a refusal. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/**
 * One MQTT 5 connection. It never reconnects: each connection has its own will, and the caller controls the back-off (MQTT.js supports a
 * constant period only).
 */
export class Connection {
  private readonly client: MqttClient;
  private readonly pending = new Set<PublishCallback>();
  private state: 'connecting' | 'open' | 'ended' = 'connecting';
  /** Reason code of the packet being handled; MQTT.js does not pass it to callbacks. */
  private reasonCode: number | undefined;
  /** The reason that the broker gave in its DISCONNECT. */
  private disconnectReason: string | undefined;
  /** Send time of the latest packet that the broker has responded to (monotonic): messages received now were sent after it. */
  private lastConfirmedSendAt = performance.now();
  private pingedAt: number | undefined;

  constructor(
    options: ConnectionOptions,
    private readonly handlers: ConnectionHandlers,
  ) {
    const { traffic } = options;
    this.client = new MqttClient(() => {
      const socket = openSocket(options.broker);
      traffic?.open(socket);
      return socket;
    }, clientOptions(options));
    this.client.on('packetreceive', (packet) => {
      traffic?.recordPacket();
      this.inspect(packet);
    });
    this.client.on('connect', () => {
      if (this.state !== 'connecting') return;
      this.state = 'open';
      handlers.onOpen();
    });
    this.client.on('packetsend', ({ cmd }) => {
      traffic?.recordPacket();
      if (cmd === 'pingreq') this.pingedAt ??= performance.now();
    });
    this.client.on('message', (topic, payload, { properties }) => {
      if (this.state !== 'open') return;
      const delayMs = performance.now() - this.lastConfirmedSendAt;
      handlers.onMessage({
        topic,
        payload,
        secondsLeft: properties?.messageExpiryInterval,
        traceparent: parseTraceparent(properties?.userProperties?.[TRACEPARENT]),
        delayMs,
      });
    });
    this.client.on('error', (error) => this.finish(error));
    this.client.on('close', () => this.finish());
  }

  /** Publishes. Completes at QoS 0 when the packet is written, otherwise when the broker responds. Never throws. */
  publish(
    topic: string,
    payload: string,
    how: { qos: 0 | 1 | 2; retain?: boolean; traceparent?: string | undefined },
    done: PublishCallback,
  ): void {
    const { qos, retain = false, traceparent } = how;
    const properties = traceparent !== undefined && { userProperties: { [TRACEPARENT]: traceparent } };
    this.track(done, qos > 0, (settle) =>
      this.client.publish(topic, payload, { qos, retain, ...(properties && { properties }) }, settle),
    );
  }

  /** Subscribes at QoS 1, without retained messages: commands are never retained. */
  subscribe(topics: string | string[], done: PublishCallback): void {
    this.track(done, true, (settle) => this.client.subscribe(topics, { qos: 1, rh: 2 }, settle));
  }

  /** Waits for pending responses, then sends DISCONNECT, so that the broker discards the will. */
  end(timeoutMs: number): void {
    if (this.state === 'ended') return;
    if (this.state === 'connecting') {
      this.finish();
      return;
    }
    const timer = setTimeout(() => this.client.stream.destroy(), timeoutMs);
    this.client.once('close', () => clearTimeout(timer));
    this.client.end();
  }

  /** @param hasResponse whether the broker responds to the packet */
  private track(
    done: PublishCallback,
    hasResponse: boolean,
    send: (settle: (error?: Error | null) => void) => void,
  ): void {
    if (this.state !== 'open') {
      done(new ConnectionLost('not connected'));
      return;
    }
    const sentAt = performance.now();
    const settle: PublishCallback = (error) => {
      if (!this.pending.delete(settle)) return;
      if (hasResponse && !(error instanceof ConnectionLost)) this.recordResponseTo(sentAt);
      done(error, this.reasonCode);
    };
    this.pending.add(settle);
    send((error) =>
      settle(error ? (isRefusal(error) ? error : new ConnectionLost(error.message)) : undefined),
    );
  }

  private inspect(packet: Packet): void {
    this.reasonCode = 'reasonCode' in packet ? packet.reasonCode : undefined;
    // Topic aliases are not used; without the property MQTT.js does not build its table of them, 2 kB per connection.
    if (packet.cmd === 'connack' && packet.properties) delete packet.properties.topicAliasMaximum;
    if (packet.cmd === 'pingresp' && this.pingedAt !== undefined) {
      this.recordResponseTo(this.pingedAt);
      this.pingedAt = undefined;
    }
    if (packet.cmd === 'disconnect')
      this.disconnectReason = `the broker disconnected (reason code ${packet.reasonCode})`;
  }

  private recordResponseTo(sentAt: number): void {
    this.lastConfirmedSendAt = Math.max(this.lastConfirmedSendAt, sentAt);
  }

  private finish(error?: Error): void {
    if (this.state === 'ended') return;
    const stood = this.state === 'open';
    this.state = 'ended';
    this.reasonCode = undefined;
    this.client.end(true);
    for (const settle of [...this.pending]) settle(new ConnectionLost('connection lost'));
    this.handlers.onEnd(describeEnd(stood, this.disconnectReason, error));
  }
}

/** Whether the broker reported the error: MQTT.js then adds a reason code or the packet. */
function isRefusal(error: Error & { code?: unknown; packet?: unknown }): boolean {
  return typeof error.code === 'number' || error.packet !== undefined;
}

function describeEnd(stood: boolean, farewell: string | undefined, error: Error | undefined): ConnectionEnd {
  const code: unknown = (error as Partial<ErrorWithReasonCode> | undefined)?.code;
  // Node's message is empty if all addresses of a host refuse.
  const message = error?.message || (typeof code === 'string' ? code : undefined);
  const reason = farewell ?? message ?? 'the connection was closed';
  if (stood) return { cause: 'lost', reason };
  return typeof code === 'number' ? { cause: 'refused', reason, code } : { cause: 'unreachable', reason };
}

function openSocket({ host, port, tls }: Broker) {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true });
  return connectTls({ ...(isIP(host) === 0 && { servername: host }), ...tls, host, port }).setNoDelay(true);
}

/** Stores nothing: this client never reconnects, and callers keep their own messages. */
const NO_STORE: IClientOptions['outgoingStore'] = {
  put(_packet, done) {
    done();
    return NO_STORE;
  },
  del(_packet, done) {
    done();
    return NO_STORE;
  },
  get(_packet, done) {
    done(new Error('nothing is stored'));
    return NO_STORE;
  },
  createStream: () => Readable.from([]) as never,
  close: (done) => done(),
} as NonNullable<IClientOptions['outgoingStore']>;

/** The features of MQTT.js that are off would cost a third more memory per connection. */
function clientOptions({ broker, clientId, keepAliveSeconds, will }: ConnectionOptions): IClientOptions {
  return {
    protocolVersion: 5,
    clientId,
    clean: true,
    keepalive: keepAliveSeconds,
    connectTimeout: CONNECT_TIMEOUT_MS,
    properties: { receiveMaximum: RECEIVE_MAXIMUM, maximumPacketSize: MAX_PACKET_BYTES },
    ...(broker.username !== undefined && { username: broker.username }),
    ...(broker.password !== undefined && { password: broker.password }),
    ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // One ping per keep-alive interval, instead of a new timer with every PUBACK.
    reschedulePings: false,
    // Avoids a table of 65,536 encoded numbers.
    writeCache: false,
    log: () => {},
    outgoingStore: NO_STORE,
    incomingStore: NO_STORE,
  };
}
