// npm run test:faults: runs the fault cases F1 to F20 on real processes, one after another. Passes arguments to Jest:
// npm run test:faults -- f04 runs one case.
import { runPrepared } from './run-prepared.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run test:faults             run all fault cases, about 15 minutes
npm run test:faults -- f04      run one case
FAULT_DEVICES=500               number of devices in F16 (default 5000)`);
  process.exit(0);
}
await runPrepared(
  'faults',
  'F1 to F20 take about 15 minutes; FAULT_DEVICES=500 makes F16 shorter (default 5000 devices)',
);
