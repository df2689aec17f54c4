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
/** Also the resolution of `lagMs`, milliseconds. */
const PING_MS = 250;
const READ_BUFFER_BYTES = 65_536;
/** How often a lazy connection reads, milliseconds. */
const LAZY_READ_MS = 20;

/** An MQTT connection on a raw socket. It counts PUBACKs, delivers messages and acknowledges them with one write per chunk. */
export class BrokerConnection {
  /** PUBACKs received. */
  acknowledged = 0;
  private readonly timers: NodeJS.Timeout[];
  private nextPacketId = 0;
  private pendingPubacks: number[] = [];
  private lazy = false;
  private pingedAt: number | undefined;
  private pending:
    | { type: number; resolve: (code: number) => void; reject: (error: Error) => void }
    | undefined;

  private constructor(
    private readonly socket: Socket,
    onLost: (error: Error) => void,
  ) {
    socket.setNoDelay(true);
    const lose = (error: Error) => {
      this.pending?.reject(error);
      onLost(error);
    };
    socket.on('error', lose);
    socket.on('close', () => lose(new Error('the broker closed the connection')));
    this.timers = [setInterval(() => this.ping(), PING_MS).unref()];
  }

  /**
   * Reads every 20 ms from now on. The broker sends each PUBACK separately, and waking up for each one would cost more than
   * sending the readings.
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
        if (message.packetId !== 0) connection.pendingPubacks.push(message.packetId);
        onMessage(message);
      },
      puback: () => {
        connection.acknowledged += 1;
      },
      control: (type, code) => {
        if (type === PACKET_TYPE.pingresp) connection.pingedAt = undefined;
        if (type === connection.pending?.type) connection.pending.resolve(code);
      },
    });
    const socket: Socket = connect({
      host: hostname,
      port: Number(port || 1883),
      onread: {
        buffer: Buffer.allocUnsafe(READ_BUFFER_BYTES),
        callback: (length, buffer) => {
          reader.read((buffer as Buffer).subarray(0, length));
          connection.sendPubacks();
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

  /** Subscribes and waits for the SUBACK. */
  async subscribe(filter: string, qos: Qos): Promise<void> {
    const code = await this.request(subscribePacket(1, filter, qos), PACKET_TYPE.suback);
    if (code > 1) throw new Error(`the broker refused the subscription to ${filter}`);
  }

  write(packets: Buffer): void {
    this.socket.write(packets);
  }

  /**
   * How far the broker is behind with the data of this connection, milliseconds: the age of an unanswered PINGREQ. Kernel
   * buffers hide this from the socket.
   */
  get lagMs(): number {
    return this.pingedAt === undefined ? 0 : performance.now() - this.pingedAt;
  }

  /** The next packet id. Ids repeat after 65,535 messages, long after the PUBACK. */
  packetId(): number {
    this.nextPacketId = this.nextPacketId === 0xffff ? 1 : this.nextPacketId + 1;
    return this.nextPacketId;
  }

  async close(): Promise<void> {
    this.timers.forEach(clearInterval);
    this.socket.removeAllListeners('close').removeAllListeners('error').on('error', ignore);
    if (this.socket.destroyed) return;
    this.lazy = false; // otherwise the broker's FIN is not read
    this.socket.end(DISCONNECT);
    this.socket.resume();
    await once(this.socket, 'close');
  }

  private ping(): void {
    if (this.pingedAt !== undefined) return;
    this.pingedAt = performance.now();
    this.socket.write(PINGREQ);
  }

  private sendPubacks(): void {
    // Nothing may be sent after DISCONNECT.
    if (this.pendingPubacks.length === 0 || !this.socket.writable) return;
    this.socket.write(pubackPackets(this.pendingPubacks));
    this.pendingPubacks = [];
  }

  private async request(packet: Buffer, type: number): Promise<number> {
    const reply = new Promise<number>((resolve, reject) => {
      this.pending = { type, resolve, reject };
    });
    this.socket.write(packet);
    try {
      return await reply;
    } finally {
      this.pending = undefined;
    }
  }
}

function ignore(): void {
  // The connection has ended; a late reset does not matter.
}
