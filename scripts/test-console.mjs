// npm run test:console: runs all console tests in a browser, one file after another. Passes arguments to Jest.
import { runPrepared } from './run-prepared.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run test:console            run all console tests in a browser, about 6 minutes
npm run test:console -- 85      run one file
CONSOLE_MEMORY_MINUTES=5        how long 85 observes the memory (default 1)`);
  process.exit(0);
}
await runPrepared('console', '');
