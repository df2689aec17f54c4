// npm start: runs an instance on this machine, without containers. Uses only Node's own modules until the repository is prepared, then
// tools/native.
import { HELP, readFlags } from './flags.mjs';
import { prepare, UserError } from './prepare.mjs';

try {
  const flags = readFlags(process.argv.slice(2), process.env);
  if (flags.help) {
    console.log(HELP);
  } else {
    await prepare((line) => console.log(line));
    const { start } = await import('../tools/native/dist/commands/start.js');
    process.exitCode = await start(flags);
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
