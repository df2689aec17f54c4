// A hostile client, started by main.ts as a process of its own: publishes as fast as the broker reads until its parent disconnects.
import { connect } from 'node:net';
import { connectPacket, publishPacket, type Qos } from '../../wire/packets.js';
import type { Flood } from '../floods.js';

/** Packets per write. */
const CHUNK = 64;

process.on('message', ({ url, fleet, flood }: { url: string; fleet: string; flood: Flood }) => {
  const { hostname, port, username, password } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => process.exit());
  socket.resume(); // PUBACKs are ignored
  socket.write(connectPacket({ clientId: 'flooder', username, password, keepAliveSeconds: 600 }));
  let sent = 0;
  const next = () => {
    sent += 1;
    const device = flood.devices === 1 ? 'd' : `d${sent % flood.devices}`;
    const packetId = (sent % 0xffff) + 1;
    return publishPacket(`${fleet}/telemetry/${device}`, flood.payload, flood.qos as Qos, packetId);
  };
  const write = () => {
    while (socket.write(Buffer.concat(Array.from({ length: flood.chunk ?? CHUNK }, next))));
  };
  socket.on('drain', write);
  write();
  setInterval(() => process.connected && process.send?.(sent, () => undefined), 100);
});
process.on('disconnect', () => process.exit());
