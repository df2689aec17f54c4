import { PACKET_TYPE } from './packets.js';

/** A PUBLISH as offsets in the received chunk, so that nothing is copied; valid only during the call. `packetId` is 0 at QoS 0. */
export interface ReceivedPublish {
  readonly chunk: Buffer;
  readonly topicStart: number;
  readonly topicEnd: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly packetId: number;
}

export interface PacketHandler {
  publish(message: ReceivedPublish): void;
  puback(packetId: number): void;
  /** CONNACK, SUBACK or PINGRESP. `code` is the last byte of its body: the return code of CONNACK and SUBACK. */
  control(type: number, code: number): void;
}

/** Splits a byte stream, received in arbitrary chunks, into MQTT packets. */
export class PacketReader {
  private rest: Buffer | undefined;

  constructor(private readonly handler: PacketHandler) {}

  /** Reads the next chunk of the stream and calls the handler for each complete packet. */
  read(bytes: Buffer): void {
    const chunk = this.rest === undefined ? bytes : Buffer.concat([this.rest, bytes]);
    let at = 0;
    for (;;) {
      const body = bodyStart(chunk, at);
      if (body === undefined) break;
      const end = body + bodyLength(chunk, at);
      if (end > chunk.length) break;
      this.take(chunk, at, body, end);
      at = end;
    }
    // A copy, because the socket reuses the memory for the next chunk.
    this.rest = at === chunk.length ? undefined : Buffer.from(chunk.subarray(at));
  }

  private take(chunk: Buffer, start: number, body: number, end: number): void {
    const type = chunk[start]! >> 4;
    if (type === PACKET_TYPE.puback) this.handler.puback(chunk.readUInt16BE(body));
    else if (type === PACKET_TYPE.publish) this.takePublish(chunk, start, body, end);
    else this.handler.control(type, end > body ? chunk[end - 1]! : 0);
  }

  private takePublish(chunk: Buffer, start: number, body: number, end: number): void {
    const qos = (chunk[start]! >> 1) & 3;
    const topicStart = body + 2;
    const topicEnd = topicStart + chunk.readUInt16BE(body);
    const packetId = qos === 0 ? 0 : chunk.readUInt16BE(topicEnd);
    const payloadStart = qos === 0 ? topicEnd : topicEnd + 2;
    this.handler.publish({ chunk, topicStart, topicEnd, payloadStart, payloadEnd: end, packetId });
  }
}

/** Start of the body of the packet at `start`; undefined while its length field is incomplete. */
function bodyStart(chunk: Buffer, start: number): number | undefined {
  for (let at = start + 1; at < chunk.length; at += 1) {
    if (at > start + 4) throw new Error('the stream is not MQTT: length field longer than four bytes');
    if (chunk[at]! < 0x80) return at + 1;
  }
  return undefined;
}

function bodyLength(chunk: Buffer, start: number): number {
  let length = 0;
  for (let at = start + 1, shift = 0; ; at += 1, shift += 7) {
    length |= (chunk[at]! & 0x7f) << shift;
    if (chunk[at]! < 0x80) return length;
  }
}
