// npm run prove: makes the repository ready and hands over to tools/prove.
import { CannotGoOn, prepare } from './prepare.mjs';

try {
  await prepare((line) => console.error(line));
  await import('../tools/prove/dist/main.js');
} catch (error) {
  if (!(error instanceof CannotGoOn)) throw error;
  console.error(`lamplighter: ${error.message}`);
  process.exitCode = 2;
}
