import type { Server } from '@lamplighter/native/process/serving';
import { closeLater } from '../resources.js';

/** A real server that a test may break: kill, freeze, stop, and start again on the same port with the same data. */
export interface Restartable {
  readonly port: number;
  readonly pid: number;
  /** True while the process lives. */
  readonly running: boolean;
  /** Starts it again; settles when it serves. */
  start(): Promise<void>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Ends it at once (SIGKILL); settles when it is gone. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Everything it has logged. */
  output(): string;
}

/** Makes a server restartable and closes it at the end of the test. */
export async function restartable<S extends Server>(
  launch: () => Promise<S>,
): Promise<Restartable & { server(): S }> {
  let server = await launch();
  closeLater(server.name, () => server.stop());
  return {
    server: () => server,
    get port() {
      return server.port;
    },
    get pid() {
      return server.pid;
    },
    get running() {
      return server.exit === undefined;
    },
    async start() {
      if (server.exit !== undefined) server = await launch();
    },
    async stop() {
      await server.stop();
    },
    async kill() {
      server.kill('SIGKILL');
      await server.exited;
    },
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    output: () => server.output(),
  };
}
