// After the last system test: stops the shared stack, and fails the run if a part of it had ended or cannot be stopped.
import { once } from 'node:events';

export default async function stop() {
  const { sharedStackKeeper: keeper } =
    /** @type {{ sharedStackKeeper: import('node:child_process').ChildProcess }} */ (
      /** @type {unknown} */ (globalThis)
    );
  const exited = keeper.exitCode === null && once(keeper, 'exit');
  keeper.stdin?.end();
  await exited;
  if (keeper.exitCode !== 0) throw new Error('the shared stack did not stop cleanly; see above');
}
