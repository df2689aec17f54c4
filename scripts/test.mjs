// npm test: makes the repository ready, installs what the tests need, checks, runs the unit and the system tests, and
// ends with one line: N passed, N failed. Needs no terminal and asks nothing.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotGoOn, prepare, REPOSITORY } from './prepare.mjs';

/** Measured on two cores that nothing else uses. */
const USUAL_MINUTES = 7;
const HELP = `npm test    everything: set up, lint, types, import rules, unit and system tests (about ${USUAL_MINUTES} minutes)
One file:   npm run test:unit -- <path>, npm run test:system -- <path>`;

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(HELP);
  process.exit(0);
}
const started = Date.now();
const folder = mkdtempSync(join(tmpdir(), 'lamplighter-results-'));
const sum = { passed: 0, failed: 0, skipped: 0 };

try {
  if (process.argv.length > 2) {
    throw new CannotGoOn('npm test takes no arguments; one test file: npm run test:unit -- <path>');
  }
  console.log(`npm test takes about ${USUAL_MINUTES} minutes on two free cores, longer on a busy machine.`);
  const [first, ...others] = [
    { name: 'set up', run: setUp },
    ...checks().map((check) => ({ name: check, run: () => runCheck(check) })),
    ...['unit', 'system'].map((project) => ({ name: `${project} tests`, run: () => runJest(project) })),
  ];
  const stages = others.length + 1;
  const ready = await stage(`1 of ${stages}: ${first.name}`, first.run);
  if (ready.failed === 0)
    for (const [index, { name, run }] of others.entries())
      await stage(`${index + 2} of ${stages}: ${name}`, run);
} catch (error) {
  if (!(error instanceof CannotGoOn)) throw error;
  console.error(`lamplighter: ${error.message}`);
  sum.failed++;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\nin ${seconds(started)}`);
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`);
process.exitCode = sum.failed > 0 ? 1 : 0;

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @param {string} name @param {() => Promise<Count>} run
 */
async function stage(name, run) {
  console.log(`\n── ${name}`);
  const from = Date.now();
  const count = await run();
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) sum[key] += count[key];
  console.log(`── ${name}: ${count.failed > 0 ? `${count.failed} FAILED` : 'ok'}, ${seconds(from)}`);
  return count;
}

/** A failure here is counted, a success is not: it tests nothing. @returns {Promise<Count>} */
async function setUp() {
  try {
    await prepare((line) => console.log(line));
    const { installMissing, TEST_TOOLS } = await import('../tools/native/dist/servers/install.js');
    installMissing(TEST_TOOLS, (line) => console.log(line));
    return { passed: 0, failed: 0, skipped: 0 };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** The scripts check:… of package.json. @returns {string[]} */
function checks() {
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
  return Object.keys(scripts).filter((name) => name.startsWith('check:'));
}

/** @param {string} name @returns {Promise<Count>} */
async function runCheck(name) {
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const ok = (await run([...npm, 'run', '--silent', name])) === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** @param {string} project @returns {Promise<Count>} */
async function runJest(project) {
  const results = join(folder, `${project}.json`);
  const jest = [process.execPath, join(REPOSITORY, 'scripts/jest.mjs'), '--selectProjects', project];
  const reporters = ['--reporters=default', `--reporters=${join(REPOSITORY, 'scripts/jest-progress.mjs')}`];
  const code = await run([...jest, ...reporters, '--json', '--outputFile', results]);
  try {
    const said = JSON.parse(readFileSync(results, 'utf8'));
    // A file that cannot even be loaded, and a leak that fails a file, have no test of their own to count.
    const failedFiles = said.testResults.filter(fileFailedByItself).length;
    const failed = said.numFailedTests + failedFiles;
    return {
      passed: said.numPassedTests,
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: said.numPendingTests + said.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** @param {{ status: string, assertionResults: { status: string }[] }} file */
function fileFailedByItself({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
}

/** @param {string[]} command @returns {Promise<number | null>} its exit code */
function run([program = '', ...args]) {
  // Jest writes its results as JSON to stdout too; what is for people goes to stderr.
  const quiet = args.includes('--json');
  const child = spawn(program, args, {
    cwd: REPOSITORY,
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
  });
  return new Promise((done) => {
    child.once('error', (error) => {
      console.error(error.message);
      done(-1);
    });
    child.once('close', done);
  });
}

/** @param {number} from */
function seconds(from) {
  return `${((Date.now() - from) / 1000).toFixed(1)} s`;
}
