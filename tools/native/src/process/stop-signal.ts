import { liveChildren } from './child.js';

const WATCH_MS = 500;
/** The terminal and npm both send us what a person typed once. */
const SAME_MS = 1000;

/**
 * Aborts at the first signal that asks us to end; a later one ends everything at once. Under npm it aborts also when our
 * parent is gone: npm hands a signal to the shell between us, which dies of it without a word to us.
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
