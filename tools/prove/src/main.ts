// npm run prove: breaks everything for some minutes and prints a certificate of what held. See docs/delivery.md.
import { join } from 'node:path';
import { ServerFailed } from '@lamplighter/native/process/serving';
import { listenForStop } from '@lamplighter/native/process/stop-signal';
import { BinaryMissing } from '@lamplighter/native/servers/binaries';
import { installMissing, SERVERS } from '@lamplighter/native/servers/install';
import { REPOSITORY } from '@lamplighter/native/state/repository';
import { CannotStart } from '@lamplighter/native/state/settings';
import { closeEverything } from '@lamplighter/test-kit/resources';
import { WaitTimeout } from '@lamplighter/test-kit/until';
import { certificate } from './certificate.js';
import { Notebook } from './evidence/notebook.js';
import { HelpWanted, readOptions, UnknownOption } from './options.js';
import { judge } from './oracle/judge.js';
import { run } from './run/run.js';

/** Exit codes: 0 every promise was kept; 1 one was broken; 2 it could not be tried; 130 stopped by a person. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.judge !== undefined) return verdict(options.judge);
  installMissing(SERVERS, (line) => console.error(line));
  const folder = options.out ?? join(REPOSITORY, '.lamplighter/prove', `${timestamp()}-${options.seed}`);
  const signal = listenForStop(process.env);
  const began = Date.now();
  const say = (line: string) =>
    console.error(`${String(Math.round((Date.now() - began) / 1000)).padStart(5)} s  ${line}`);
  console.error(`journals and logs: ${folder}`);
  try {
    await run({ options, folder, say, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('stopped before the end: no certificate');
    return 130;
  } finally {
    say('stopping everything');
    await closeEverything();
  }
  return verdict(folder);
}

function verdict(folder: string): number {
  const evidence = new Notebook(folder).read();
  const judged = judge(evidence);
  console.log(certificate(evidence, judged));
  console.log(`\n  ${'journals'.padEnd(34)} ${folder}`);
  return judged.violations.length === 0 ? 0 : 1;
}

/** Local time to the second, fit for a file name. */
function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replace(/[:]/g, '');
}

const EXPECTED = [CannotStart, BinaryMissing, ServerFailed, WaitTimeout];
try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof HelpWanted) console.log(error.message);
  else {
    const known = error instanceof UnknownOption || EXPECTED.some((type) => error instanceof type);
    console.error(known ? `lamplighter: ${(error as Error).message}` : error);
    process.exitCode = 2;
  }
}
