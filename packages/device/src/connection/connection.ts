import { connect as connectTcp, isIP } from 'node:net';
import { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { parseTraceparent, TRACEPARENT } from '@lamplighter/contracts/trace-context';
import { type ErrorWithReasonCode, type IClientOptions, MqttClient, type Packet } from 'mqtt';
import type { Broker } from './broker.js';
import type { Traffic } from './traffic.js';

/** Largest packet that the broker may send us, bytes; every command fits, and a receipt for all that a window may hold. */
const MAX_PACKET_BYTES = 65_536;
/** Commands on their way to us that we have not answered with a PUBACK. */
const RECEIVE_MAXIMUM = 16;
/** No CONNACK for this long ends an attempt. */
const CONNECT_TIMEOUT_MS = 20_000;

export interface ConnectionOptions {
  readonly broker: Broker;
  readonly clientId: string;
  /** A connection on which the broker is silent for one and a half times this is dead, seconds. */
  readonly keepAliveSeconds: number;
  /** The broker publishes it, retained, when the connection ends without a DISCONNECT. */
  readonly will?: { readonly topic: string; readonly payload: string };
  /** Counts what passes. */
  readonly traffic?: Traffic | undefined;
}

/**
 * Why a connection is over: `unreachable` (it never stood), `refused` (the broker said no; `code` is its reason code) or
 * `lost` (it stood). `reason` is for people.
 */
export interface ConnectionEnd {
  readonly cause: 'unreachable' | 'refused' | 'lost';
  readonly reason: string;
  readonly code?: number;
}

/** A message that came. */
export interface Arrived {
  readonly topic: string;
  readonly payload: Buffer;
  /** What the broker left of its message expiry, seconds; undefined if it has none. */
  readonly secondsLeft: number | undefined;
  /** The trace that it belongs to (W3C `traceparent`). */
  readonly traceparent: string | undefined;
  /** How long ago the broker can have sent it at most, ms. */
  readonly delayMs: number;
}

export interface ConnectionHandlers {
  onOpen(): void;
  onMessage(message: Arrived): void;
  /** Called once; nothing else is called afterwards. */
  onEnd(end: ConnectionEnd): void;
}

/** How a publish or a subscription ended. The reason code (MQTT 5, 2.4) is a PUBACK's: 16 means that nobody listens. */
export type Done = (error: Error | undefined, reasonCode?: number) => void;

/** The connection ended before the broker answered: nobody can know whether it took the packet. Other errors are a refusal. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/**
 * One MQTT 5 connection from CONNECT to its end; it never reconnects. A retry is a new one, because each has a will of its
 * own, and the waiting between them belongs to the caller (MQTT.js only knows a constant period).
 */
export class Connection {
  private readonly client: MqttClient;
  private readonly unanswered = new Set<Done>();
  private state: 'connecting' | 'open' | 'ended' = 'connecting';
  /** Reason code of the acknowledgement that is being handled; MQTT.js does not hand it to the callback. */
  private reasonCode: number | undefined;
  /** What the broker gave as its reason to hang up. */
  private farewell: string | undefined;
  /** When we sent the youngest packet that the broker has answered (monotonic): what comes now was sent after that. */
  private answeredAt = performance.now();
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
      traffic?.notePacket();
      this.inspect(packet);
    });
    this.client.on('connect', () => {
      if (this.state !== 'connecting') return;
      this.state = 'open';
      handlers.onOpen();
    });
    this.client.on('packetsend', ({ cmd }) => {
      traffic?.notePacket();
      if (cmd === 'pingreq') this.pingedAt ??= performance.now();
    });
    this.client.on('message', (topic, payload, { properties }) => {
      if (this.state !== 'open') return;
      const delayMs = performance.now() - this.answeredAt;
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

  /** Publishes. At QoS 0 it is done when the socket took it, otherwise when the broker answered. Never throws. */
  publish(
    topic: string,
    payload: string,
    how: { qos: 0 | 1 | 2; retain?: boolean; traceparent?: string | undefined },
    done: Done,
  ): void {
    const { qos, retain = false, traceparent } = how;
    const properties = traceparent !== undefined && { userProperties: { [TRACEPARENT]: traceparent } };
    this.track(done, qos > 0, (settle) =>
      this.client.publish(topic, payload, { qos, retain, ...(properties && { properties }) }, settle),
    );
  }

  /** Subscribes at QoS 1, without the retained messages that may lie there: commands are never retained. */
  subscribe(topics: string | string[], done: Done): void {
    this.track(done, true, (settle) => this.client.subscribe(topics, { qos: 1, rh: 2 }, settle));
  }

  /** Ends it in good order: waits for the broker's answers, then DISCONNECT, so that the will is discarded. */
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

  /** @param answered whether the broker answers it */
  private track(done: Done, answered: boolean, send: (settle: (error?: Error | null) => void) => void): void {
    if (this.state !== 'open') {
      done(new ConnectionLost('not connected'));
      return;
    }
    const sentAt = performance.now();
    const settle: Done = (error) => {
      if (!this.unanswered.delete(settle)) return;
      if (answered && !(error instanceof ConnectionLost)) this.heardBackOn(sentAt);
      done(error, this.reasonCode);
    };
    this.unanswered.add(settle);
    send((error) =>
      settle(error ? (isRefusal(error) ? error : new ConnectionLost(error.message)) : undefined),
    );
  }

  private inspect(packet: Packet): void {
    this.reasonCode = 'reasonCode' in packet ? packet.reasonCode : undefined;
    // Topic aliases are not used; without the property MQTT.js does not build its table of them, 2 kB per connection.
    if (packet.cmd === 'connack' && packet.properties) delete packet.properties.topicAliasMaximum;
    if (packet.cmd === 'pingresp' && this.pingedAt !== undefined) {
      this.heardBackOn(this.pingedAt);
      this.pingedAt = undefined;
    }
    if (packet.cmd === 'disconnect') this.farewell = `the broker hung up (reason code ${packet.reasonCode})`;
  }

  private heardBackOn(sentAt: number): void {
    this.answeredAt = Math.max(this.answeredAt, sentAt);
  }

  private finish(error?: Error): void {
    if (this.state === 'ended') return;
    const stood = this.state === 'open';
    this.state = 'ended';
    this.reasonCode = undefined;
    this.client.end(true);
    for (const settle of [...this.unanswered]) settle(new ConnectionLost('connection lost'));
    this.handlers.onEnd(describeEnd(stood, this.farewell, error));
  }
}

/** An error that the broker's own word caused: MQTT.js adds that word to it. */
function isRefusal(error: Error & { code?: unknown; packet?: unknown }): boolean {
  return typeof error.code === 'number' || error.packet !== undefined;
}

function describeEnd(stood: boolean, farewell: string | undefined, error: Error | undefined): ConnectionEnd {
  const code: unknown = (error as Partial<ErrorWithReasonCode> | undefined)?.code;
  // Where all addresses of a host refuse, Node's message is empty.
  const message = error?.message || (typeof code === 'string' ? code : undefined);
  const reason = farewell ?? message ?? 'the connection was closed';
  if (stood) return { cause: 'lost', reason };
  return typeof code === 'number' ? { cause: 'refused', reason, code } : { cause: 'unreachable', reason };
}

function openSocket({ host, port, tls }: Broker) {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true });
  return connectTls({ ...(isIP(host) === 0 && { servername: host }), ...tls, host, port }).setNoDelay(true);
}

/** Nothing to remember: a QoS 1 message belongs to its sender here until it is answered, not to a client that never returns. */
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

/** What of MQTT.js is switched off saves a third of its memory, which counts when a process holds thousands of devices. */
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
    // A ping per keep-alive whatever else is sent, instead of a new timer with every PUBACK.
    reschedulePings: false,
    // No table of 65,536 encoded numbers.
    writeCache: false,
    log: () => {},
    outgoingStore: NO_STORE,
    incomingStore: NO_STORE,
  };
}
