import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The way from one device to the broker: a port of its own, whose connections can be cut. */
export class DeviceLink {
  private readonly sockets = new Set<Socket>();
  private up = true;

  private constructor(private readonly server: Server) {}

  /** A link to this port of the broker, which need not be open yet. */
  static async open(brokerPort: number): Promise<DeviceLink> {
    const server = createServer((near) => link.join(near, connect(brokerPort, '127.0.0.1')));
    const link = new DeviceLink(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Breaks the connection: what is on its way is lost, neither end hears a word, and new ones break too. */
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

  private join(near: Socket, far: Socket): void {
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
