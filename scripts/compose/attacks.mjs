// What clients that may do nothing, or little, can do to the broker of the containers.
import { connect } from 'node:net';

/** Topics of which a client that joined the share group of the rules service would take its share. */
const STOLEN = ['+/telemetry/#', '+/acknowledgements/+'];
/** Names under which it might be found. */
const GROUPS = ['rules', 'rules-', '+'];

/** MQTT 3.1.1 packet types, in the upper half of the first byte. */
const [CONNACK, PUBLISH, SUBACK] = [0x20, 0x30, 0x90];

/**
 * A client of an account, or of none, that joins the groups; settles when the broker has granted it.
 * @param {number} port @param {string} id @param {{ user: string, password: string }} [account]
 * @returns {Promise<{ received: number, leave(): void }>} how many messages it was given @throws if the broker refuses it
 */
export function connectThief(port, id, account) {
  const socket = connect(port, '127.0.0.1');
  const thief = { received: 0, leave: () => socket.destroy() };
  const credentials = account ? [account.user, account.password] : [];
  const flags = account ? 0xc2 : 0x02;
  const filters = GROUPS.flatMap((group) => STOLEN.map((filter) => `$share/${group}/${filter}`));
  return new Promise((settle, fail) => {
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`the broker closed the connection of ${id}`)));
    socket.write(packet(0x10, [text('MQTT'), [4, flags, 0, 60], text(id), ...credentials.map(text)]));
    /** @type {Buffer} */
    let unread = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      for (let next = take(unread); next; next = take(unread)) {
        unread = next.rest;
        if (next.type === PUBLISH) thief.received += 1;
        if (next.type === SUBACK) settle(thief);
        if (next.type !== CONNACK) continue;
        if (next.body[1] !== 0) fail(new Error(`the broker refuses ${id} with code ${next.body[1]}`));
        else socket.write(packet(0x82, [[0, 1], ...filters.map((filter) => [...text(filter), 1])]));
      }
    });
  });
}

/** @param {string} value */
const text = (value) => [value.length >> 8, value.length & 0xff, ...Buffer.from(value)];

/** @param {number} type @param {number[][]} parts */
function packet(type, parts) {
  const body = parts.flat();
  return Buffer.from([type, ...remainingLength(body.length), ...body]);
}

/** The first packet of the bytes, once it is complete. @param {Buffer} bytes */
function take(bytes) {
  const end = bytes.subarray(1, 5).findIndex((byte) => byte < 0x80) + 2;
  if (end < 2) return undefined;
  const length = bytes.subarray(1, end).reduce((sum, byte, at) => sum + (byte & 0x7f) * 128 ** at, 0);
  if (bytes.length < end + length) return undefined;
  const type = /** @type {number} */ (bytes[0]) & 0xf0;
  return { type, body: bytes.subarray(end, end + length), rest: bytes.subarray(end + length) };
}

/** @param {number} length */
function remainingLength(length) {
  const bytes = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  }
  return bytes;
}

/** The fixed header of a CONNECT of this length, and nothing after it: the broker reserves the length. @param {number} length */
export function connectHeader(length) {
  return Buffer.from([0x10, ...remainingLength(length)]);
}

/** Opens connections that never log in, a hundred at a time; gives what ends them. @param {number} port @param {number} count @param {Buffer} [say] */
export async function besiege(port, count, say) {
  /** @type {import('node:net').Socket[]} */
  const sockets = [];
  for (let opened = 0; opened < count; opened += 100) {
    const some = Array.from({ length: Math.min(100, count - opened) }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      sockets.push(socket);
      return /** @type {Promise<void>} */ (
        new Promise((settle) => {
          socket.once('close', () => settle());
          socket.once('connect', () => (say ? socket.write(say, () => settle()) : settle()));
        })
      );
    });
    await Promise.all(some);
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
