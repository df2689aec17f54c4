import { liveChildren } from './child.js';

const WATCH_MS = 500;
/** Ctrl-C reaches this process twice: from the terminal and from npm. */
const SAME_MS = 1000;

/**
 * Aborts at the first signal that requests a stop; a later signal kills all processes. Under npm it also aborts when the parent process
 * ends: npm sends signals to the shell in between, which ends without forwarding them.
 */
export function listenForStop(env: NodeJS.ProcessEnv): AbortSignal {
  const controller = new AbortController();
  let abortedAt = 0;
  const abort = () => {
    abortedAt = performance.now();
    controller.abort();
  };
  const stop = () => {
    if (!controller.signal.aborted) abort();
    else if (performance.now() - abortedAt > SAME_MS) {
      for (const child of liveChildren) child.kill('SIGKILL');
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  if (env.npm_lifecycle_event !== undefined) {
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      if (!controller.signal.aborted) abort();
    }, WATCH_MS).unref();
  }
  return controller.signal;
}
