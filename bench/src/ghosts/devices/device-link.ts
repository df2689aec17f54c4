import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy between one device and the broker whose connections can be cut. */
export class DeviceLink {
  private readonly sockets = new Set<Socket>();
  private up = true;

  private constructor(private readonly server: Server) {}

  /** Opens a link to a port, which may not be open yet. */
  static async open(brokerPort: number): Promise<DeviceLink> {
    const server = createServer((near) => link.pipe(near, connect(brokerPort, '127.0.0.1')));
    const link = new DeviceLink(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Cuts connections without a DISCONNECT and refuses new ones. Data in flight is lost. */
  cut(): void {
    this.up = false;
    for (const socket of this.sockets) socket.destroy();
  }

  restore(): void {
    this.up = true;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private pipe(near: Socket, far: Socket): void {
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => this.sockets.delete(socket));
      socket.pipe(other);
    }
    if (!this.up) near.destroy(new Error('the link is cut'));
  }
}
