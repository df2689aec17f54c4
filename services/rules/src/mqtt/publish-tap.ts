import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { FrameReader, type FrameSink } from './frames.js';

const PINGREQ = Buffer.from([0xc0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);

/**
 * Stands between the socket and MQTT.js. MQTT.js keeps the session: CONNECT, SUBSCRIBE, PING, DISCONNECT. PUBLISH and PUBACK are
 * taken out here, in both directions, because MQTT.js hands over one message at a time and acknowledges it when the handler
 * returns, which rules out acknowledging a batch after it is stored.
 */
export class PublishTap extends Duplex {
  private readonly reader: FrameReader;
  private held = false;
  private answeredPings = 0;
  /** Monotonic time of the read in hand, milliseconds. */
  readAt = 0;

  constructor(
    private readonly wire: Socket,
    sink: Pick<FrameSink, 'publish' | 'puback'>,
    /** Called after all packets of one read have been handed over. */
    afterRead: () => void,
    maxPacketBytes: number,
  ) {
    super({ allowHalfOpen: false });
    this.reader = new FrameReader(
      {
        publish: (topic, payload, qos, packetId) => sink.publish(topic, payload, qos, packetId),
        puback: (packetId, reasonCode) => sink.puback(packetId, reasonCode),
        other: (packet) => this.forward(packet),
      },
      maxPacketBytes,
    );
    wire.on('data', (chunk) => {
      this.readAt = performance.now();
      try {
        this.reader.push(chunk);
      } catch (error) {
        this.destroy(error as Error);
        return;
      }
      afterRead();
    });
    wire.on('error', (error) => this.destroy(error));
    wire.on('close', () => this.destroy());
  }

  /** Stops reading the socket: TCP then holds the broker back. */
  hold(): void {
    this.held = true;
    this.wire.pause();
  }

  release(): void {
    this.held = false;
    this.wire.resume();
  }

  /** Writes a packet of ours; those of one turn of the event loop leave together. */
  send(packet: Buffer): void {
    if (this.wire.writableCorked === 0) {
      this.wire.cork();
      process.nextTick(() => this.wire.uncork());
    }
    this.wire.write(packet);
  }

  override _read(): void {
    // Packets are pushed as they come; what is not PUBLISH or PUBACK is rare and small.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    // While we hold the socket the broker's PINGRESP cannot be heard. It is our doing, not a dead broker: answer for it.
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

  private forward(packet: Buffer): void {
    if (this.answeredPings > 0 && packet.equals(PINGRESP)) this.answeredPings -= 1;
    else this.push(packet);
  }
}
