import { connect, type Socket } from 'node:net';
import { closeLater } from '@lamplighter/test-kit/resources';

/** MQTT control packet types (MQTT 3.1.1, 2.2.1). */
export const CONNECT = 1;
export const PUBLISH = 3;
export const PUBREL = 6;
export const SUBSCRIBE = 8;
export const UNSUBSCRIBE = 10;
export const PINGREQ = 12;

/** A packet with any type, flags and body, valid or not. */
export function packet(type: number, flags: number, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([Buffer.from([(type << 4) | flags]), remainingLength(bytes.length), bytes]);
}

/** The variable length of MQTT. */
export function remainingLength(length: number): Buffer {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** A length-prefixed string; a Buffer may hold bytes that are not UTF-8. */
export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

export const bytes = (...values: number[]) => Buffer.from(values);

/** A CONNECT of MQTT 3.1.1 with the account of a URL. */
export function login(url: string, clientId: string | Buffer, keepAliveSeconds = 60): Buffer {
  const { username, password } = new URL(url);
  const cleanSessionWithAccount = 0xc2;
  return packet(
    CONNECT,
    0,
    text('MQTT'),
    bytes(4, cleanSessionWithAccount, keepAliveSeconds >> 8, keepAliveSeconds & 0xff),
    text(clientId),
    text(decodeURIComponent(username)),
    text(decodeURIComponent(password)),
  );
}

/** Opens a connection and sends bytes; it is destroyed at the end of the test. Errors only close it. */
export async function open(url: string | number, ...data: readonly Buffer[]): Promise<Socket> {
  const port = typeof url === 'number' ? url : Number(new URL(url).port);
  const socket = connect(port, '127.0.0.1');
  closeLater('socket', () => void socket.destroy());
  socket.on('error', () => undefined);
  await new Promise<void>((done) => socket.once('connect', () => done()).once('close', () => done()));
  if (data.length > 0) socket.write(Buffer.concat(data));
  return socket;
}

/** Opens many connections, some at a time. */
export async function openMany(
  count: number,
  url: string | number,
  ...data: readonly Buffer[]
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Math.min(100, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(url, ...data)))));
  }
  for (const socket of sockets) socket.resume();
  return sockets;
}

/** Whether the peer closes the connection in time; reads and ignores what it sends. */
export function isClosed(socket: Socket, withinMs = 5000): Promise<boolean> {
  socket.resume();
  if (socket.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, withinMs, false);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
