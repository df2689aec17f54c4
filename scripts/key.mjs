// npm run key: creates an API key of the running instance and prints only the key; or lists or revokes keys.
import { prepare, requireFirstStart, UserError } from './prepare.mjs';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`npm run --silent key                                    create and print an API key of the running instance, for everything
npm run --silent key -- --scopes read,command           a key with fewer rights: read, command, rules, devices, admin;
                        [--fleets demo,plant]           only for some fleets,
                        [--expires 90d] [--name NAME]   for some time, with a name
npm run --silent key -- --list                          list its keys
npm run --silent key -- --revoke ID [--allow-last]      revoke a key; --allow-last allows revoking the last one`);
  process.exit(0);
}
try {
  const args = process.argv.slice(2);
  requireFirstStart();
  await prepare((line) => console.error(line));
  const { key } = await import('../tools/native/dist/commands/key.js');
  process.exitCode = await key(args);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
