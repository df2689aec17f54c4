// npm run key: creates an API key of the running instance and prints only the key; or lists or revokes keys.
import { prepare, requireFirstStart, UserError } from './prepare.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run --silent key                                    create and print an API key of the running instance
npm run --silent key -- --list                          list its keys
npm run --silent key -- --revoke ID [--allow-last]      revoke a key; --allow-last allows revoking the last one`);
  process.exit(0);
}
try {
  const args = process.argv.slice(2);
  const isKnown =
    args.length === 0 || /^(--list|--revoke [0-9a-f]{12}( --allow-last)?)$/.test(args.join(' '));
  if (!isKnown) throw new UserError('invalid arguments; see npm run key -- --help');
  requireFirstStart();
  await prepare((line) => console.error(line));
  const { key } = await import('../tools/native/dist/commands/key.js');
  process.exitCode = await key(args);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
