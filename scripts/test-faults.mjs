// npm run test:faults: the cases F1 to F20 on real processes, one after the other, told as they go. Arguments go to Jest:
// npm run test:faults -- f04 runs one case.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, REPOSITORY, UserError } from './prepare.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run test:faults             every fault case, about 15 minutes
npm run test:faults -- f04      one case
FAULT_DEVICES=500               fewer devices in F16 than its 5,000`);
  process.exit(0);
}
try {
  await prepare((line) => console.log(line));
  const { installMissing, TEST_TOOLS } = await import('../tools/native/dist/servers/install.js');
  installMissing(TEST_TOOLS, (line) => console.log(line));
  console.log('F1 to F20: about 15 minutes; FAULT_DEVICES=500 makes F16 smaller than its 5,000 devices');
  const jest = join(REPOSITORY, 'scripts/jest.mjs');
  const args = ['--selectProjects', 'faults', '--runInBand', '--verbose', ...process.argv.slice(2)];
  const child = spawn(process.execPath, [jest, ...args], { stdio: 'inherit', cwd: REPOSITORY });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => {});
  child.once('close', (code) => {
    process.exitCode = code ?? 1;
  });
} catch (error) {
  if (!(error instanceof Error)) throw error;
  if (!(error instanceof UserError) && error.name !== 'CannotStart') throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
