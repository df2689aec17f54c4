// npm run test:security: attacks real servers and checks that each attack fails, is counted, and leaves another fleet served. Passes arguments
// to Jest: npm run test:security -- s04 runs one file.
import { runPrepared } from './run-prepared.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run test:security           run all attacks, about 7 minutes
npm run test:security -- s04    run one file
SECURITY_SEED=<seed>            repeat the random choices of a run, which prints its seed`);
  process.exit(0);
}
process.env.SECURITY_FULL = '1';
await runPrepared('security', 'All attacks take about 7 minutes on two free cores.');
