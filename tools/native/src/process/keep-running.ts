import { setTimeout } from 'node:timers/promises';
import { describeExit, lastLines } from './child.js';
import { type Server, ServerFailed } from './serving.js';

/** After this run time, milliseconds, earlier failures no longer count. */
const STABLE_MS = 60_000;
/** Delay before the first restart, milliseconds; doubles with each failure. */
const FIRST_PAUSE_MS = 1000;
/** Failures in a row after which the process is no longer restarted. */
const MAX_FAILURES = 5;
/** Lines of its log that are shown then. */
const LOG_TAIL_LINES = 15;

export interface KeepRunningOptions {
  /** Restarts it on the same port, with the same data. */
  readonly restart: () => Promise<Server>;
  readonly log: (line: string) => void;
  /** When aborted, no more processes are started. */
  readonly stop: AbortSignal;
  /** For tests. */
  readonly firstPauseMs?: number;
}

/**
 * Restarts a process whenever it ends unexpectedly, with growing delays. Resolves with a description when it is no longer
 * restarted; never if it is stopped.
 */
export async function keepRunning(
  first: Server,
  { restart, log, stop, firstPauseMs = FIRST_PAUSE_MS }: KeepRunningOptions,
): Promise<string> {
  const { name } = first;
  let server = first;
  let startedAt = performance.now();
  let failure: string | undefined;
  for (let failures = 1; ; failures += 1) {
    if (failure === undefined) {
      const exit = await server.exited;
      if (server.isStopping || stop.aborted) return never();
      failure = describeExit(exit);
      if (performance.now() - startedAt > STABLE_MS) failures = 1;
    }
    if (failures === MAX_FAILURES) {
      const tail = `Last lines of ${server.logFile}:\n${lastLines(server.output(), LOG_TAIL_LINES)}`;
      return `${name} ${failure}, ${failures} times in a row; stopping all processes. ${tail}`;
    }
    const pauseMs = firstPauseMs * 2 ** (failures - 1);
    log(`! ${name} ${failure}; restarting in ${pauseMs / 1000} s`);
    try {
      await setTimeout(pauseMs, undefined, { signal: stop });
      startedAt = performance.now();
      server = await restart();
      failure = undefined;
      log(`✓ ${name} is running again`);
    } catch (error) {
      if (stop.aborted) return never();
      if (!(error instanceof ServerFailed)) throw error;
      failure = 'failed to restart';
    }
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
