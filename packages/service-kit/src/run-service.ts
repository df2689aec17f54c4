import { createLogger } from './log/logger.js';

/** A started service. */
export interface RunningService {
  /** Finishes work in progress and closes all connections; must settle. */
  close(): Promise<void>;
}

/** Longer than any drain, shorter than the `stop_grace_period` of the compose file. */
const SHUTDOWN_DEADLINE_MS = 15_000;

/**
 * Runs a service until SIGTERM or SIGINT. A failed start is one clear message and exit code 1, never a stack trace.
 */
export async function runService(name: string, start: () => Promise<RunningService>): Promise<void> {
  // Logged rather than printed: errors of the Redis client contain the arguments of the command.
  const logger = createLogger(name, 'error');
  const fail = (err: unknown, message: string) => {
    logger.fatal({ err }, message);
    process.exit(1);
  };
  process.on('unhandledRejection', (error) => fail(error, 'stopped by an unexpected error'));
  process.on('uncaughtException', (error) => fail(error, 'stopped by an unexpected error'));
  let running: RunningService | undefined;
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      console.error(`${name}: did not stop within ${SHUTDOWN_DEADLINE_MS / 1000} s; exiting`);
      process.exit(1);
    }, SHUTDOWN_DEADLINE_MS).unref();
    Promise.resolve(running?.close()).then(
      () => process.exit(0),
      (error: unknown) => fail(error, 'failed while stopping'),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    running = await start();
  } catch (error) {
    if (stopping) return;
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
