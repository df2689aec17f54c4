// npm run fleet: manages the broker accounts of fleets; see -- --help.
import { prepare, requireFirstStart, UserError } from './prepare.mjs';

try {
  const args = process.argv.slice(2);
  requireFirstStart();
  await prepare((line) => console.error(line));
  const { fleet, FLEET_HELP } = await import('../tools/native/dist/commands/fleet.js');
  if (args.includes('--help') || args.includes('-h')) console.log(FLEET_HELP);
  else process.exitCode = await fleet(args);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
