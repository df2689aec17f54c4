// npm run rotate: replaces the passwords of the services; see -- --help.
import { prepare, requireFirstStart, UserError } from './prepare.mjs';

try {
  requireFirstStart();
  await prepare((line) => console.error(line));
  const { rotate, ROTATE_HELP } = await import('../tools/native/dist/commands/rotate.js');
  if (process.argv.includes('--help') || process.argv.includes('-h')) console.log(ROTATE_HELP);
  else process.exitCode = await rotate();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
