import { createServer, connect as dial, type Socket } from 'node:net';
import { closeLater } from '../resources.js';
import { freePort } from './free-port.js';

/** Direction of bytes: `up` to the server, `down` to the client. */
export type Direction = 'up' | 'down';

/** A network link between clients and one server, on loopback, that a test can break. */
export interface Link {
  readonly port: number;
  /** The URL with the address of this link. */
  through(url: string): string;
  /** Number of open connections. */
  readonly connections: number;
  /**
   * Stops all traffic without closing connections. New connections are accepted and stay silent. If one end closes or resets, the other is
   * not notified.
   */
  stall(direction?: Direction): void;
  /** Ends a stall: delivers held bytes, and resets connections whose other end was lost in the meantime. */
  heal(): void;
  /** Limits the bytes per second in each direction of each connection; undefined removes the limit. */
  limit(bytesPerSecond: number | undefined): void;
  /** Resets all connections, like a restarting router; new ones work. */
  cut(): void;
  /** Silently stops all open connections forever, like a NAT that drops its table; new ones work. */
  forget(): void;
  close(): Promise<void>;
}

/** Bytes held in one direction before its source is no longer read. */
const HELD_BYTES = 65_536;
/** Interval at which a limited direction sends bytes, milliseconds. */
const TICK_MS = 50;

/** Opens a link to a local port; closed at the end of the test. */
export async function openLink(target: number): Promise<Link> {
  const port = await freePort();
  const pairs = new Set<Pair>();
  const stalled = new Set<Direction>();
  let bytesPerSecond: number | undefined;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const pair = new Pair(client, target, () => pairs.delete(pair));
    pairs.add(pair);
    pair.apply(stalled, bytesPerSecond);
  });
  const applyToAll = () => {
    for (const pair of pairs) pair.apply(stalled, bytesPerSecond);
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () => {
    for (const pair of pairs) pair.reset();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  closeLater(`link to ${target}`, close);
  return {
    port,
    through(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href.replace(/\/$/, '');
    },
    get connections() {
      return pairs.size;
    },
    stall(direction) {
      for (const way of direction === undefined ? (['up', 'down'] as const) : [direction]) stalled.add(way);
      applyToAll();
    },
    heal() {
      stalled.clear();
      applyToAll();
    },
    limit(rate) {
      bytesPerSecond = rate;
      applyToAll();
    },
    cut() {
      for (const pair of pairs) pair.reset();
    },
    forget() {
      for (const pair of pairs) pair.forget();
    },
    close,
  };
}

/** One connection through the link: two sockets and a flow per direction. */
class Pair {
  private readonly server: Socket;
  private readonly flows: Readonly<Record<Direction, Flow>>;
  private forgotten = false;

  constructor(
    private readonly client: Socket,
    target: number,
    onClose: () => void,
  ) {
    this.server = dial({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.flows = { up: new Flow(client, this.server), down: new Flow(this.server, client) };
    let open = 2;
    for (const socket of [client, this.server]) {
      socket.on('error', () => {});
      socket.once('close', () => {
        open -= 1;
        if (open === 0) onClose();
      });
    }
  }

  apply(stalled: ReadonlySet<Direction>, bytesPerSecond: number | undefined): void {
    for (const direction of ['up', 'down'] as const)
      this.flows[direction].apply(this.forgotten || stalled.has(direction), bytesPerSecond);
  }

  forget(): void {
    this.forgotten = true;
    this.apply(new Set(), undefined);
  }

  reset(): void {
    reset(this.client);
    reset(this.server);
  }
}

/** Forwards the bytes of one socket to another, and the end of the stream. */
class Flow {
  private held: Buffer[] = [];
  private heldBytes = 0;
  private stalled = false;
  private bytesPerSecond: number | undefined;
  private allowance = 0;
  private timer: NodeJS.Timeout | undefined;
  private over: 'ended' | 'lost' | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
  ) {
    from.on('data', (chunk) => {
      this.held.push(chunk);
      this.heldBytes += chunk.length;
      this.pass();
    });
    from.once('end', () => {
      this.over ??= 'ended';
      this.pass();
    });
    from.once('close', () => {
      // After both sides have ended, nothing is left to forward; otherwise the other end must be reset.
      if (!from.readableEnded || !from.writableEnded) this.over = 'lost';
      this.pass();
    });
    to.on('drain', () => this.pass());
    to.once('close', () => clearInterval(this.timer));
  }

  apply(stalled: boolean, bytesPerSecond: number | undefined): void {
    this.stalled = stalled;
    this.bytesPerSecond = bytesPerSecond;
    this.allowance = 0;
    clearInterval(this.timer);
    if (bytesPerSecond !== undefined && !this.to.destroyed) {
      this.timer = setInterval(() => {
        this.allowance = Math.min(this.allowance + (bytesPerSecond * TICK_MS) / 1000, bytesPerSecond);
        this.pass();
      }, TICK_MS);
    }
    this.pass();
  }

  private pass(): void {
    while (!this.stalled && this.held.length > 0 && !this.to.writableNeedDrain) {
      const [chunk = Buffer.alloc(0)] = this.held;
      const allowed = this.bytesPerSecond === undefined ? chunk.length : Math.floor(this.allowance);
      const passing = Math.min(chunk.length, allowed);
      if (passing === 0) break;
      if (this.bytesPerSecond !== undefined) this.allowance -= passing;
      this.heldBytes -= passing;
      if (passing === chunk.length) this.held.shift();
      else this.held[0] = chunk.subarray(passing);
      if (!this.to.destroyed) this.to.write(chunk.subarray(0, passing));
    }
    if (this.heldBytes >= HELD_BYTES || this.stalled) this.from.pause();
    else this.from.resume();
    if (!this.stalled && this.over === 'lost') reset(this.to);
    else if (!this.stalled && this.over === 'ended' && this.held.length === 0) this.to.end();
  }
}

/** Resets a socket; destroys one that has ended its stream, since a reset would leave it open. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
