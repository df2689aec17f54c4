// MQTT clients that attack the broker of the containers.
import { connect } from 'node:net';

/**
 * A program that opens connections from a container, without the proxy of published ports, which has a limit of its own. It prints a line
 * when each connection is open or closed, and ends with its input. @param {number} count
 */
const flood = (count) => `
const { connect } = require('node:net');
let waiting = ${count};
const settled = () => { waiting -= 1; if (waiting === 0) console.log('flooding'); };
const open = () => new Promise((resolve) => {
  const socket = connect(1883, 'mosquitto').on('error', () => undefined).resume();
  socket.once('connect', resolve).once('close', resolve);
});
(async () => {
  for (let i = 0; i < ${count}; i += 1) { await open(); settled(); }
})();
process.stdin.resume().once('end', () => process.exit(0));`;

/**
 * Holds connections that never log in, opened inside the network of the devices; resolves when the broker has accepted or closed each.
 * @param {import('./project.mjs').ComposeProject} project @param {number} count
 * @returns {Promise<() => Promise<void>>} ends them
 */
export async function floodFromInside(project, count) {
  const child = project.startInside('device-sim', ['node', '-e', flood(count)]);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  /** @type {Promise<void>} */
  const flooding = new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.stderr.on('data', (text) => reject(new Error(`the flood failed: ${text}`)));
    exited.then(() => reject(new Error('the flood ended early')));
  });
  const end = async () => {
    child.stdin.end();
    await exited;
  };
  await flooding.catch(async (error) => {
    await end();
    throw error;
  });
  return end;
}

/** Topics of which a client that joined the share group of the rules service would take its share. */
const SHARED_TOPICS = ['+/telemetry/#', '+/acknowledgements/+'];
/** Guesses of the name of that group. */
const GROUPS = ['rules', 'rules-', '+'];

/** MQTT 3.1.1 packet types, in the upper half of the first byte. */
const [CONNACK, PUBLISH, SUBACK] = [0x20, 0x30, 0x90];

/**
 * Connects a client that joins the share groups; resolves when the broker has granted the subscriptions.
 * @param {number} port @param {string} id @param {{ user: string, password: string }} [account]
 * @returns {Promise<{ received: number, leave(): void }>} how many messages it has received @throws if the broker refuses it
 */
export function joinShareGroups(port, id, account) {
  const socket = connect(port, '127.0.0.1');
  const member = { received: 0, leave: () => socket.destroy() };
  const credentials = account ? [account.user, account.password] : [];
  const flags = account ? 0xc2 : 0x02;
  const filters = GROUPS.flatMap((group) => SHARED_TOPICS.map((filter) => `$share/${group}/${filter}`));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the broker closed the connection of ${id}`)));
    socket.write(packet(0x10, [text('MQTT'), [4, flags, 0, 60], text(id), ...credentials.map(text)]));
    /** @type {Buffer} */
    let unread = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      for (let next = take(unread); next; next = take(unread)) {
        unread = next.rest;
        if (next.type === PUBLISH) member.received += 1;
        if (next.type === SUBACK) resolve(member);
        if (next.type !== CONNACK) continue;
        if (next.body[1] !== 0) reject(new Error(`the broker refuses ${id} with code ${next.body[1]}`));
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

/** The fixed header of a CONNECT of this length, without its body: the broker reserves the length. @param {number} length */
export function connectHeader(length) {
  return Buffer.from([0x10, ...remainingLength(length)]);
}

/** Connections that never log in. */
export class IdleConnections {
  /** @type {import('node:net').Socket[]} */
  #sockets = [];

  /**
   * Opens connections, a hundred at a time; resolves when each is open or closed again.
   * @param {number} port @param {number} count @param {Buffer} [firstBytes] sent on each
   */
  static async open(port, count, firstBytes) {
    const connections = new IdleConnections();
    for (let opened = 0; opened < count; opened += 100) {
      const batch = Array.from({ length: Math.min(100, count - opened) }, () =>
        connections.#openOne(port, firstBytes),
      );
      await Promise.all(batch);
    }
    return connections;
  }

  end() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** @param {number} port @param {Buffer} [firstBytes] @returns {Promise<void>} */
  #openOne(port, firstBytes) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    this.#sockets.push(socket);
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.once('connect', () => (firstBytes ? socket.write(firstBytes, () => resolve()) : resolve()));
    });
  }
}
