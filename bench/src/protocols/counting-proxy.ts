import { createServer, connect as dial, type Socket } from 'node:net';

/** TCP payload between a device and its server, without the headers of IP and TCP. */
export interface Traffic {
  readonly connections: number;
  /** Bytes from and to the device. */
  readonly up: number;
  readonly down: number;
  /** Chunks from and to the device: approximately the number of packets. */
  readonly chunksUp: number;
  readonly chunksDown: number;
}

/** A TCP proxy on loopback that counts traffic. */
export class CountingProxy {
  private readonly pairs = new Set<Socket>();
  private traffic = { connections: 0, up: 0, down: 0, chunksUp: 0, chunksDown: 0 };
  private readonly server = createServer({ noDelay: true }, (device) => this.accept(device));

  constructor(
    readonly port: number,
    private readonly target: number,
  ) {}

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  count(): Traffic {
    return { ...this.traffic };
  }

  /** Cuts all connections, as when a device leaves radio range. */
  cut(): void {
    for (const socket of this.pairs) socket.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private accept(device: Socket): void {
    this.traffic.connections += 1;
    const server = dial({ port: this.target, host: '127.0.0.1', noDelay: true });
    for (const [from, to, way] of [
      [device, server, 'up'],
      [server, device, 'down'],
    ] as const) {
      this.pairs.add(from);
      from.on('data', (chunk) => {
        this.traffic[way] += chunk.length;
        this.traffic[way === 'up' ? 'chunksUp' : 'chunksDown'] += 1;
        to.write(chunk);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.pairs.delete(from);
        to.destroy();
      });
    }
  }
}
