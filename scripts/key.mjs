// npm run key: makes another API key for the instance that npm start runs, and prints it and nothing else.
import { CannotGoOn, prepare, refuseBeforeFirstStart } from './prepare.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log('npm run --silent key    print a new API key of the running instance');
  process.exit(0);
}
try {
  if (process.argv.length > 2) throw new CannotGoOn('npm run key takes no arguments');
  refuseBeforeFirstStart();
  await prepare((line) => console.error(line));
  const { key } = await import('../packages/native/dist/key.js');
  process.exitCode = await key();
} catch (error) {
  if (!(error instanceof CannotGoOn)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
