import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PacketReader, type ReceivedPublish } from '../wire/packet-reader.js';
import {
  connectPacket,
  DISCONNECT,
  PACKET_TYPE,
  PINGREQ,
  pubackPackets,
  type Qos,
  subscribePacket,
} from '../wire/packets.js';

const KEEP_ALIVE_SECONDS = 60;
/** Also how finely `lagMs` knows how far behind the broker is, milliseconds. */
const PING_MS = 250;
const READ_BUFFER_BYTES = 65_536;
/** How often a lazy connection looks at what came in, milliseconds. */
const LAZY_READ_MS = 20;

/** One MQTT connection on a raw socket: counts PUBACKs, hands over messages, answers them in one write a chunk. */
export class BrokerConnection {
  /** PUBACKs received. */
  acknowledged = 0;
  private readonly timers: NodeJS.Timeout[];
  private nextPacketId = 0;
  private dueAcknowledgements: number[] = [];
  private lazy = false;
  private pingedAt: number | undefined;
  private awaited:
    | { type: number; resolve: (code: number) => void; reject: (error: Error) => void }
    | undefined;

  private constructor(
    private readonly socket: Socket,
    onLost: (error: Error) => void,
  ) {
    socket.setNoDelay(true);
    const lose = (error: Error) => {
      this.awaited?.reject(error);
      onLost(error);
    };
    socket.on('error', lose);
    socket.on('close', () => lose(new Error('the broker closed the connection')));
    this.timers = [setInterval(() => this.ping(), PING_MS).unref()];
  }

  /**
   * From now on reads only now and then, and much at once. The broker sends each PUBACK by itself; to wake up for every
   * one would cost the generator more than sending the readings.
   */
  readLazily(): void {
    this.lazy = true;
    this.timers.push(setInterval(() => this.socket.resume(), LAZY_READ_MS).unref());
  }

  /**
   * Connects and logs in.
   * @param url `mqtt://user:password@host:port`
   * @param onLost called when the connection ends before `close`
   */
  static async open(
    url: string,
    clientId: string,
    onMessage: (message: ReceivedPublish) => void,
    onLost: (error: Error) => void,
  ): Promise<BrokerConnection> {
    const { hostname, port, username, password } = new URL(url);
    const reader = new PacketReader({
      publish: (message) => {
        if (message.packetId !== 0) connection.dueAcknowledgements.push(message.packetId);
        onMessage(message);
      },
      puback: () => {
        connection.acknowledged += 1;
      },
      control: (type, code) => {
        if (type === PACKET_TYPE.pingresp) connection.pingedAt = undefined;
        if (type === connection.awaited?.type) connection.awaited.resolve(code);
      },
    });
    const socket: Socket = connect({
      host: hostname,
      port: Number(port || 1883),
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback: (length, buffer) => {
          reader.read((buffer as Buffer).subarray(0, length));
          connection.acknowledge();
          return !connection.lazy;
        },
      },
    });
    const connection: BrokerConnection = new BrokerConnection(socket, onLost);
    await once(socket, 'connect');
    const packet = connectPacket({
      clientId,
      username: username === '' ? undefined : decodeURIComponent(username),
      password: password === '' ? undefined : decodeURIComponent(password),
      keepAliveSeconds: KEEP_ALIVE_SECONDS,
    });
    const code = await connection.request(packet, PACKET_TYPE.connack);
    if (code !== 0) throw new Error(`the broker refused ${clientId} with return code ${code}`);
    return connection;
  }

  /** Subscribes and waits for the broker's word. */
  async subscribe(filter: string, qos: Qos): Promise<void> {
    const code = await this.request(subscribePacket(1, filter, qos), PACKET_TYPE.suback);
    if (code > 1) throw new Error(`the broker refused the subscription to ${filter}`);
  }

  /** Hands bytes to the socket. */
  write(packets: Buffer): void {
    this.socket.write(packets);
  }

  /**
   * How far behind the broker is with what this connection sent, milliseconds: it answers a ping after all that came before.
   * Buffers of the kernel hide this from the socket.
   */
  get lagMs(): number {
    return this.pingedAt === undefined ? 0 : performance.now() - this.pingedAt;
  }

  /** A packet id; they repeat after 65,535 messages, long after the broker answered. */
  packetId(): number {
    this.nextPacketId = this.nextPacketId === 0xffff ? 1 : this.nextPacketId + 1;
    return this.nextPacketId;
  }

  async close(): Promise<void> {
    this.timers.forEach(clearInterval);
    this.socket.removeAllListeners('close').removeAllListeners('error').on('error', ignore);
    if (this.socket.destroyed) return;
    this.lazy = false; // or the reading stops before the broker's FIN
    this.socket.end(DISCONNECT);
    this.socket.resume();
    await once(this.socket, 'close');
  }

  private ping(): void {
    if (this.pingedAt !== undefined) return;
    this.pingedAt = performance.now();
    this.socket.write(PINGREQ);
  }

  private acknowledge(): void {
    // What still comes after our DISCONNECT nobody may answer.
    if (this.dueAcknowledgements.length === 0 || !this.socket.writable) return;
    this.socket.write(pubackPackets(this.dueAcknowledgements));
    this.dueAcknowledgements = [];
  }

  private async request(packet: Buffer, type: number): Promise<number> {
    const answer = new Promise<number>((resolve, reject) => {
      this.awaited = { type, resolve, reject };
    });
    this.socket.write(packet);
    try {
      return await answer;
    } finally {
      this.awaited = undefined;
    }
  }
}

function ignore(): void {
  // The connection is over; a late reset tells nothing new.
}
