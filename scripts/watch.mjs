// npm run watch: the numbers of the overview dashboard in the terminal, once a second; -- --once prints them once.
import { prepare, refuseBeforeFirstStart, UserError } from './prepare.mjs';

try {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log('npm run watch              the numbers of the overview dashboard, refreshed each second');
    console.log('npm run watch -- --once    print them once');
  } else {
    const unknown = args.find((arg) => arg !== '--once');
    if (unknown !== undefined) throw new UserError(`npm run watch knows --once, not "${unknown}"`);
    refuseBeforeFirstStart();
    await prepare((line) => console.error(line));
    const { watch } = await import('../tools/native/dist/watch/watch.js');
    process.exitCode = await watch({ once: args.includes('--once') });
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
