import { parseTraceparent, TRACEPARENT } from '@lamplighter/contracts/trace-context';

/** Parses and encodes the MQTT 5 packets of the hot path: PUBLISH and PUBACK (OASIS MQTT 5.0, 3.3 and 3.4). Other packets pass unchanged. */

const PUBLISH = 3;
const PUBACK = 4;
/** Flags of a PUBLISH. */
const RETAIN = 0x01;
const DUP = 0x08;

/**
 * How the broker delivers a message: for the first time (`live`), because it is retained for new subscribers (`retained`), or again,
 * because it got no PUBACK for an earlier delivery (`repeated`). A message that is both is `retained`.
 */
export type Delivery = 'live' | 'retained' | 'repeated';

/** Receives parsed packets. `payload` is a view of the bytes from the socket; `packetId` is 0 for QoS 0. */
export interface FrameSink {
  publish(
    topic: string,
    payload: Buffer,
    qos: 0 | 1,
    packetId: number,
    traceparent: string | undefined,
    delivery: Delivery,
  ): void;
  puback(packetId: number, reasonCode: number): void;
  /** A complete packet of any other type. */
  other(packet: Buffer): void;
}

/** The peer sent bytes that are not valid MQTT 5, so the connection must be closed. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket';
}

/** Splits a byte stream into packets. */
export class FrameReader {
  private rest: Buffer | undefined;

  constructor(
    private readonly sink: FrameSink,
    /** Larger packets are rejected; also sent in CONNECT as Maximum Packet Size. */
    private readonly maxPacketBytes: number,
  ) {}

  /** Parses the next bytes of the stream. @throws MalformedPacket */
  push(chunk: Buffer): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    for (;;) {
      const end = this.packetEnd(bytes, at);
      if (end === undefined) break;
      this.read(bytes, at, end);
      at = end;
    }
    this.rest = at === bytes.length ? undefined : bytes.subarray(at);
  }

  /** The end of the packet that starts at `at`; undefined if it is incomplete. */
  private packetEnd(bytes: Buffer, at: number): number | undefined {
    let length = 0;
    for (let i = 1; i <= 4; i += 1) {
      const byte = bytes[at + i];
      if (byte === undefined) return undefined;
      length |= (byte & 0x7f) << (7 * (i - 1));
      if (byte < 0x80) {
        const end = at + i + 1 + length;
        if (end - at > this.maxPacketBytes) throw new MalformedPacket(`packet of ${end - at} bytes`);
        return end <= bytes.length ? end : undefined;
      }
    }
    throw new MalformedPacket('remaining length of more than four bytes');
  }

  private read(bytes: Buffer, start: number, end: number): void {
    const first = bytes[start]!;
    const kind = first >> 4;
    const qos = (first >> 1) & 3;
    if (kind === PUBLISH && qos < 2) {
      const delivery = (first & RETAIN) !== 0 ? 'retained' : (first & DUP) !== 0 ? 'repeated' : 'live';
      this.readPublish(bytes, qos as 0 | 1, delivery, bodyStart(bytes, start), end);
    } else if (kind === PUBACK) this.readPuback(bytes, bodyStart(bytes, start), end);
    else this.sink.other(bytes.subarray(start, end));
  }

  private readPublish(bytes: Buffer, qos: 0 | 1, delivery: Delivery, start: number, end: number): void {
    const topicEnd = start + 2 + ((bytes[start]! << 8) | bytes[start + 1]!);
    let at = topicEnd + (qos === 0 ? 0 : 2);
    let propertiesLength = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7, at += 1) {
      if (at >= end || shift > 21) throw new MalformedPacket('PUBLISH without properties');
      byte = bytes[at]!;
      propertiesLength |= (byte & 0x7f) << shift;
    }
    const propertiesStart = at;
    at += propertiesLength;
    if (at > end) throw new MalformedPacket('PUBLISH shorter than its properties');
    this.sink.publish(
      bytes.toString('utf8', start + 2, topicEnd),
      bytes.subarray(at, end),
      qos,
      qos === 0 ? 0 : (bytes[topicEnd]! << 8) | bytes[topicEnd + 1]!,
      propertiesLength < TRACE_PROPERTY.length ? undefined : traceparentIn(bytes, propertiesStart, at),
      delivery,
    );
  }

  private readPuback(bytes: Buffer, start: number, end: number): void {
    const packetId = (bytes[start]! << 8) | bytes[start + 1]!;
    this.sink.puback(packetId, end - start > 2 ? bytes[start + 2]! : 0);
  }
}

const USER_PROPERTY = 0x26;
/** The encoded user property before its value: identifier, length and text of the name, length of the value. */
const TRACE_PROPERTY = Buffer.from([
  USER_PROPERTY,
  0,
  TRACEPARENT.length,
  ...Buffer.from(TRACEPARENT),
  0,
  55,
]);

/** The `traceparent` in the properties of a PUBLISH. Called only if they are long enough to contain it. */
function traceparentIn(bytes: Buffer, start: number, end: number): string | undefined {
  // The text of another property cannot contain these bytes, because MQTT strings have no null characters.
  const at = bytes.subarray(start, end).indexOf(TRACE_PROPERTY);
  if (at === -1) return undefined;
  const value = start + at + TRACE_PROPERTY.length;
  return value + 55 > end ? undefined : parseTraceparent(bytes.toString('latin1', value, value + 55));
}

function bodyStart(bytes: Buffer, start: number): number {
  let at = start + 1;
  while (bytes[at]! >= 0x80) at += 1;
  return at + 1;
}

/** PUBACKs for several packets, for one write. @param reasonCode 3.4.2.1; omitted from the packet if it is 0 */
export function encodePubacks(packetIds: readonly number[], reasonCode = 0): Buffer {
  const size = reasonCode === 0 ? 4 : 5;
  const bytes = Buffer.allocUnsafe(packetIds.length * size);
  let at = 0;
  for (const id of packetIds) {
    bytes[at] = PUBACK << 4;
    bytes[at + 1] = size - 2;
    bytes[at + 2] = id >> 8;
    bytes[at + 3] = id & 0xff;
    if (reasonCode !== 0) bytes[at + 4] = reasonCode;
    at += size;
  }
  return bytes;
}

/** Size of the message expiry interval property (3.3.2.3.3): identifier and four bytes. */
const EXPIRY_BYTES = 5;

/**
 * Encodes a PUBLISH with a message expiry interval (3.3.2.3.3).
 * @param packetId 0 means QoS 0, any other QoS 1
 * @param traceparent sent as a user property
 * @param isRetained the broker retains it for later subscribers; an empty payload clears the retained message
 */
export function encodePublish(
  packetId: number,
  topic: string,
  payload: string,
  expirySeconds: number,
  traceparent?: string,
  isRetained = false,
): Buffer {
  const topicLength = Buffer.byteLength(topic);
  const propertyBytes =
    EXPIRY_BYTES + (traceparent === undefined ? 0 : TRACE_PROPERTY.length + traceparent.length);
  const remaining =
    2 + topicLength + (packetId === 0 ? 0 : 2) + 1 + propertyBytes + Buffer.byteLength(payload);
  const lengthBytes = remaining < 0x80 ? 1 : remaining < 0x4000 ? 2 : remaining < 0x20_0000 ? 3 : 4;
  const bytes = Buffer.allocUnsafe(1 + lengthBytes + remaining);
  bytes[0] = (PUBLISH << 4) | (packetId === 0 ? 0 : 1 << 1) | (isRetained ? 1 : 0);
  let at = 1;
  for (let left = remaining, i = 0; i < lengthBytes; i += 1, left >>= 7) {
    bytes[at++] = (left & 0x7f) | (i < lengthBytes - 1 ? 0x80 : 0);
  }
  at = bytes.writeUInt16BE(topicLength, at);
  at += bytes.write(topic, at);
  if (packetId !== 0) at = bytes.writeUInt16BE(packetId, at);
  bytes[at++] = propertyBytes; // below 128, so its length is one byte
  bytes[at++] = 2; // message expiry interval
  at = bytes.writeUInt32BE(expirySeconds, at);
  if (traceparent !== undefined) {
    at += TRACE_PROPERTY.copy(bytes, at);
    at += bytes.write(traceparent, at, 'latin1');
  }
  bytes.write(payload, at);
  return bytes;
}
