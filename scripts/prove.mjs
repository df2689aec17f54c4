// npm run prove: prepares the repository and runs tools/prove.
import { prepare, UserError } from './prepare.mjs';

try {
  await prepare((line) => console.error(line));
  await import('../tools/prove/dist/main.js');
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 2;
}
