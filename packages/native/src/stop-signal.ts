import { liveChildren } from './child.js';

/** Aborts at the first signal that asks us to end; a second one ends everything at once. */
export function listenForStop(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) {
      for (const child of liveChildren) child.kill('SIGKILL');
      process.exit(130);
    }
    controller.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  return controller.signal;
}
