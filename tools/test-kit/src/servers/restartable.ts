import type { Server } from '@lamplighter/native/process/serving';
import { closeLater } from '../resources.js';

/** A real server that a test can kill, freeze, stop, and restart on the same port with the same data. */
export interface Restartable {
  readonly port: number;
  readonly pid: number;
  /** True while the process is alive. */
  readonly running: boolean;
  /** Restarts it; resolves when it is serving. */
  start(): Promise<void>;
  /** Stops it cleanly. */
  stop(): Promise<void>;
  /** Kills it (SIGKILL); resolves when it has ended. */
  kill(): Promise<void>;
  /** Freezes it: connections stay open without responses. */
  pause(): void;
  resume(): void;
  /** Its log so far. */
  output(): string;
}

/** Starts a restartable server; stops it at the end of the test. */
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
