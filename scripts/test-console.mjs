// npm run test:console: runs all console tests in a browser, one file after the other. Passes arguments to Jest.
import { runPrepared } from './run-prepared.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run test:console            run all console tests in a browser, about 3 minutes
npm run test:console -- 85      run one file`);
  process.exit(0);
}
await runPrepared('console', '');
