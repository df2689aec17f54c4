import { type AddressInfo, createServer, type Socket } from 'node:net';
import { closeLater } from '@lamplighter/test-kit/resources';
import { FrameReader } from '../src/mqtt/frames.js';

/** A client connection of the scripted broker. */
export interface Peer {
  /** Packet ids of the client's QoS 1 PUBLISH packets, and of its PUBACKs, in order. */
  readonly published: number[];
  readonly acknowledged: number[];
  send(packet: Buffer): void;
  /** Closes the connection. */
  cut(): void;
}

/** A broker that accepts every connection and subscription; the test sends all other packets. */
export async function startScriptedBroker({ receiveMaximum = 0xffff } = {}) {
  const peers: Peer[] = [];
  const server = createServer((socket) => peers.push(welcome(socket, receiveMaximum)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeLater('scripted broker', () => {
    for (const peer of peers) peer.cut();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, peers };
}

const CONNECT = 0x10;
const SUBSCRIBE = 0x82;
const RECEIVE_MAXIMUM = 0x21;

function welcome(socket: Socket, receiveMaximum: number): Peer {
  const published: number[] = [];
  const acknowledged: number[] = [];
  const reader = new FrameReader(
    {
      publish: (_topic, _payload, _qos, packetId) => published.push(packetId),
      puback: (packetId) => acknowledged.push(packetId),
      other: (packet) => {
        const maximum = [RECEIVE_MAXIMUM, receiveMaximum >> 8, receiveMaximum & 0xff];
        if (packet[0] === CONNECT) socket.write(Buffer.from([0x20, 6, 0, 0, maximum.length, ...maximum]));
        // The packet id follows the two bytes of the fixed header.
        if (packet[0] === SUBSCRIBE) socket.write(Buffer.from([0x90, 4, packet[2]!, packet[3]!, 0, 1]));
      },
    },
    1_000_000,
  );
  socket.on('data', (bytes) => reader.push(bytes));
  socket.on('error', () => undefined);
  return {
    published,
    acknowledged,
    send: (packet) => void socket.write(packet),
    cut: () => void socket.destroy(),
  };
}
