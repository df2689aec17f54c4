/**
 * The MQTT 3.1.1 packets that the load generator sends, as bytes. A client library would use more CPU than the service under test,
 * on the same cores.
 */
export const PACKET_TYPE = { connack: 2, publish: 3, puback: 4, suback: 9, pingresp: 13 } as const;

export type Qos = 0 | 1;

/** CONNECT with a clean session. */
export function connectPacket(options: {
  clientId: string;
  username?: string | undefined;
  password?: string | undefined;
  keepAliveSeconds: number;
}): Buffer {
  const { clientId, username, password, keepAliveSeconds } = options;
  const flags = 0x02 | (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40);
  const fields = [clientId, username, password].filter((field) => field !== undefined);
  return packet(0x10, [text('MQTT'), Buffer.from([4, flags]), uint16(keepAliveSeconds), ...fields.map(text)]);
}

/** SUBSCRIBE to one filter. */
export function subscribePacket(packetId: number, filter: string, qos: Qos): Buffer {
  return packet(0x82, [uint16(packetId), text(filter), Buffer.from([qos])]);
}

/** PUBLISH, not retained. At QoS 1 the packet id precedes the payload. */
export function publishPacket(topic: string, payload: Buffer, qos: Qos, packetId = 0): Buffer {
  return packet(0x30 | (qos << 1), [text(topic), ...(qos === 0 ? [] : [uint16(packetId)]), payload]);
}

/** PUBACKs for several messages, in one buffer. */
export function pubackPackets(packetIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(packetIds.length * 4);
  let at = 0;
  for (const id of packetIds) {
    bytes.writeUInt16BE(0x4002, at);
    bytes.writeUInt16BE(id, at + 2);
    at += 4;
  }
  return bytes;
}

export const PINGREQ = Buffer.from([0xc0, 0]);
export const DISCONNECT = Buffer.from([0xe0, 0]);

function packet(firstByte: number, parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([firstByte, ...remainingLength(length)]), ...parts]);
}

/** Seven bits per byte, least significant first, with the top bit set on all bytes but the last (MQTT 3.1.1, section 2.2.3). */
function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint16(bytes.length), bytes]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
