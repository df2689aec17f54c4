// npm run watch: shows the numbers of the overview dashboard in the terminal, each second or once (-- --once).
import { prepare, requireFirstStart, UserError } from './prepare.mjs';

try {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    console.log('npm run watch              show the numbers of the overview dashboard each second');
    console.log('npm run watch -- --once    show them once');
  } else {
    const unknown = args.find((arg) => arg !== '--once');
    if (unknown !== undefined)
      throw new UserError(`unknown argument "${unknown}"; see npm run watch -- --help`);
    requireFirstStart();
    await prepare((line) => console.error(line));
    const { watch } = await import('../tools/native/dist/watch/watch.js');
    process.exitCode = await watch({ once: args.includes('--once') });
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
