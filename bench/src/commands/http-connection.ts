import { connect, type Socket } from 'node:net';

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * One keep-alive connection that sends a request, waits for its answer, and sends the next. It knows as much of HTTP as our
 * own API needs of it, so that the load costs little beside what it measures.
 */
export class HttpConnection {
  private received: Buffer = Buffer.alloc(0);
  private answered: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void } | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('close', () => this.answered?.reject(new Error('the connection was closed')));
    socket.on('error', () => socket.destroy());
  }

  static async open(port: number): Promise<HttpConnection> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new HttpConnection(socket);
  }

  /**
   * Sends one request as it stands.
   * @throws Error if the connection ends before the answer
   */
  ask(request: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.answered = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const end = this.received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.received.toString('latin1', 0, end);
    const length = Number(/\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const start = end + END_OF_HEAD.length;
    if (this.received.length < start + length) return;
    const body = this.received.toString('utf8', start, start + length);
    this.received = this.received.subarray(start + length);
    const { answered } = this;
    this.answered = undefined;
    answered?.resolve({ status: Number(head.slice(9, 12)), body });
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}
