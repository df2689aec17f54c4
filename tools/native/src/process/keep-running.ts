import { setTimeout } from 'node:timers/promises';
import { describeExit, lastLines } from './child.js';
import { type Server, ServerFailed } from './serving.js';

/** A process that has lived so long is started at once again when it ends, milliseconds. */
const STABLE_MS = 60_000;
/** The pause before a restart; doubled with each that did not last. Milliseconds. */
const FIRST_PAUSE_MS = 1000;
/** As often may it end in a row before it is steady. */
const MAX_FAILURES = 5;
/** Lines of its log that are shown when it is given up. */
const LOG_TAIL_LINES = 15;

export interface KeepRunningOptions {
  /** Starts it again on the same port, with the same data. */
  readonly restart: () => Promise<Server>;
  readonly log: (line: string) => void;
  /** When aborted, nothing is started any more. */
  readonly stop: AbortSignal;
  /** For tests. */
  readonly firstPauseMs?: number;
}

/**
 * Starts a process again whenever it ends by itself, ever later if it does not last. Settles, with an account of it, when it is given up;
 * never if it is stopped.
 */
export async function keepRunning(
  first: Server,
  { restart, log: say, stop, firstPauseMs = FIRST_PAUSE_MS }: KeepRunningOptions,
): Promise<string> {
  const { name } = first;
  let server = first;
  let startedAt = performance.now();
  let failure: string | undefined;
  for (let failures = 1; ; failures += 1) {
    if (failure === undefined) {
      const exit = await server.exited;
      if (server.isStopped || stop.aborted) return never();
      failure = describeExit(exit);
      if (performance.now() - startedAt > STABLE_MS) failures = 1;
    }
    if (failures === MAX_FAILURES) {
      const log = `The end of ${server.logFile}:\n${lastLines(server.output(), LOG_TAIL_LINES)}`;
      return `${name} ${failure}, ${failures} times in a row, so everything is stopped. ${log}`;
    }
    const pauseMs = firstPauseMs * 2 ** (failures - 1);
    say(`! ${name} ${failure}; restarting in ${pauseMs / 1000} s`);
    try {
      await setTimeout(pauseMs, undefined, { signal: stop });
      startedAt = performance.now();
      server = await restart();
      failure = undefined;
      say(`✓ ${name} runs again`);
    } catch (error) {
      if (stop.aborted) return never();
      if (!(error instanceof ServerFailed)) throw error;
      failure = 'did not start again';
    }
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
