// npm run test:faults: runs the fault cases F1 to F20 on real processes, one after the other. Passes arguments to Jest:
// npm run test:faults -- f04 runs one case.
import { prepare, UserError } from './prepare.mjs';
import { runNode } from './run-node.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run test:faults             run all fault cases, about 15 minutes
npm run test:faults -- f04      run one case
FAULT_DEVICES=500               number of devices in F16 (default 5000)`);
  process.exit(0);
}
try {
  await prepare((line) => console.log(line));
  const { installMissing, TEST_TOOLS } = await import('../tools/native/dist/servers/install.js');
  installMissing(TEST_TOOLS, (line) => console.log(line));
  console.log('F1 to F20 take about 15 minutes; FAULT_DEVICES=500 makes F16 shorter (default 5000 devices)');
  const args = ['--selectProjects', 'faults', '--runInBand', '--verbose', ...process.argv.slice(2)];
  runNode(['scripts/jest.mjs', ...args]);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  if (!(error instanceof UserError) && error.name !== 'CannotStart') throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
