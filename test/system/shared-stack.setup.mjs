// Before the first system test: bundles the services, and starts the program that runs the stack which test files share. It waits until a file asks for it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import bundleServices from '../../scripts/bundle.mjs';

const program = fileURLToPath(new URL('../../tools/test-kit/dist/shared-stack.js', import.meta.url));

export default async function start() {
  await bundleServices();
  const keeper = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [url] = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'exit')]);
  if (keeper.exitCode !== null) throw new Error(`${program} exited with ${keeper.exitCode}; run npx tsc -b`);
  // The workers of Jest inherit it.
  process.env.LAMPLIGHTER_SHARED_STACK = String(url).trim();
  Object.assign(globalThis, { sharedStackKeeper: keeper });
}
