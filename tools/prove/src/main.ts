// npm run prove: injects faults for some minutes and prints a certificate of the promises kept. See docs/delivery.md.
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
import { checkRun } from './checks/check-run.js';
import { EvidenceFolder } from './evidence/evidence-folder.js';
import { HelpRequested, InvalidOption, readOptions } from './options.js';
import { run } from './run/run.js';

/** Exit codes: 0 every promise was kept; 1 a promise was broken; 2 the run failed to start or finish; 130 interrupted. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.check !== undefined) return printCertificate(options.check);
  installMissing(SERVERS, (line) => console.error(line));
  const folder = options.out ?? join(REPOSITORY, '.lamplighter/prove', `${timestamp()}-${options.seed}`);
  const signal = listenForStop(process.env);
  const startedAt = Date.now();
  const log = (line: string) =>
    console.error(`${String(Math.round((Date.now() - startedAt) / 1000)).padStart(5)} s  ${line}`);
  console.error(`journals and logs: ${folder}`);
  try {
    await run({ options, folder, log, signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error('interrupted: no certificate');
    return 130;
  } finally {
    log('stopping everything');
    await closeEverything();
  }
  return printCertificate(folder);
}

function printCertificate(folder: string): number {
  const evidence = new EvidenceFolder(folder).read();
  const result = checkRun(evidence);
  console.log(certificate(evidence, result));
  console.log(`\n  ${'journals'.padEnd(34)} ${folder}`);
  return result.violations.length === 0 ? 0 : 1;
}

/** UTC time to the second, for a file name. */
function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replace(/[:]/g, '');
}

const EXPECTED = [CannotStart, BinaryMissing, ServerFailed, WaitTimeout];
try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof HelpRequested) console.log(error.message);
  else {
    const known = error instanceof InvalidOption || EXPECTED.some((type) => error instanceof type);
    console.error(known ? `lamplighter: ${(error as Error).message}` : error);
    process.exitCode = 2;
  }
}
