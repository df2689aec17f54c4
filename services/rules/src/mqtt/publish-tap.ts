import type { OnReadOpts, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { FrameReader, type FrameSink } from './frames.js';

const PINGREQ = Buffer.from([0xc0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);
/** Maximum bytes per read; under load one read contains hundreds of messages. */
const READ_BYTES = 128 * 1024;

/**
 * A duplex stream between the socket and MQTT.js. MQTT.js maintains the session: CONNECT, SUBSCRIBE, PING, DISCONNECT. PUBLISH and PUBACK
 * bypass it in both directions, because MQTT.js delivers one message at a time and acknowledges it when the handler returns, which rules
 * out acknowledging a batch after it is stored.
 */
export class PublishTap extends Duplex {
  /** Monotonic time of the current read, milliseconds. */
  readAt = 0;
  private readonly wire: Socket;
  private readonly reader: FrameReader;
  private held = false;
  private answeredPings = 0;

  constructor(
    connect: (onread: OnReadOpts) => Socket,
    sink: Pick<FrameSink, 'publish' | 'puback'>,
    /** Called after all packets of one read have been parsed. */
    private readonly afterRead: () => void,
    maxPacketBytes: number,
  ) {
    super({ allowHalfOpen: false });
    this.reader = new FrameReader(
      {
        publish: (topic, payload, qos, packetId, traceparent, delivery) =>
          sink.publish(topic, payload, qos, packetId, traceparent, delivery),
        puback: (packetId, reasonCode) => sink.puback(packetId, reasonCode),
        other: (packet) => this.forward(packet),
      },
      maxPacketBytes,
    );
    // With `onread`, a pause takes effect immediately, and later bytes stay in the kernel for one larger read.
    this.wire = connect({
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (size, buffer) => {
        // Messages outlive the read buffer, so copy the bytes.
        this.parse(Buffer.from(buffer.subarray(0, size)));
        return !this.held;
      },
    });
    this.wire.on('error', (error) => this.destroy(error));
    this.wire.on('close', () => this.destroy());
    this.wire.on('end', () => this.destroy());
  }

  /** Stops reading the socket, so that TCP applies back-pressure to the broker. */
  hold(): void {
    if (this.held) return;
    this.held = true;
    this.wire.pause();
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    this.wire.resume();
  }

  /** Writes a packet; all packets of one turn of the event loop are sent together. */
  send(packet: Buffer): void {
    if (this.wire.writableCorked === 0) {
      this.wire.cork();
      process.nextTick(() => this.wire.uncork());
    }
    this.wire.write(packet);
  }

  /** Bytes that are still buffered in this process, because the broker does not read. */
  get unsentBytes(): number {
    return this.wire.writableLength;
  }

  override _read(): void {
    // Packets are pushed as they arrive; those for MQTT.js are few and small.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // While the socket is paused, the broker's PINGRESP cannot be read: respond in its place, so that MQTT.js does not reconnect.
    if (this.held && chunk.equals(PINGREQ)) {
      this.answeredPings += 1;
      this.push(PINGRESP);
    }
    this.wire.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.wire.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.wire.destroy();
    this.push(null);
    done(error);
  }

  private parse(chunk: Buffer): void {
    this.readAt = performance.now();
    try {
      this.reader.push(chunk);
      // eslint-disable-next-line no-restricted-syntax -- malformed packets end the connection
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    this.afterRead();
  }

  private forward(packet: Buffer): void {
    if (this.answeredPings > 0 && packet.equals(PINGRESP)) this.answeredPings -= 1;
    else this.push(packet);
  }
}
