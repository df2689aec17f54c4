// npm run certificates: manages the certificates of the broker and its clients; see -- --help.
import { prepare, requireFirstStart, UserError } from './prepare.mjs';

try {
  const args = process.argv.slice(2);
  requireFirstStart();
  await prepare((line) => console.error(line));
  const { certificates, CERTIFICATES_HELP } = await import('../tools/native/dist/commands/certificates.js');
  if (args.includes('--help') || args.includes('-h')) console.log(CERTIFICATES_HELP);
  else process.exitCode = await certificates(args);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 1;
}
