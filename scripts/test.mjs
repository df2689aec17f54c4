// npm test: prepares the repository, installs missing programs, runs the checks alongside the unit tests, then the system tests. The last
// line is: N passed, N failed. Needs no terminal and no input.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, REPOSITORY, UserError } from './prepare.mjs';

/** Measured on two idle cores. Also stated in README.md, README.ko.md and CONTRIBUTING.md. */
const USUAL_MINUTES = 8;
/** Checks that run at the same time alongside the unit tests: one on two cores. */
const CHECKS_AT_ONCE = Math.max(1, Math.floor(availableParallelism() / 2));
const HELP = `npm test    run everything: setup, checks, unit tests and system tests (about ${USUAL_MINUTES} minutes)
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
    throw new UserError('npm test takes no arguments; to run one test file: npm run test:unit -- <path>');
  }
  console.log(`npm test takes about ${USUAL_MINUTES} minutes on two free cores, longer on a busy machine.`);
  await runStages();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`lamplighter: ${error.message}`);
  sum.failed++;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`\nin ${seconds(started)}`);
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''}`);
process.exitCode = sum.failed > 0 ? 1 : 0;

async function runStages() {
  if ((await stage('setup', setUp)).failed > 0) return;
  const waiting = checks();
  console.log(`\n── unit tests and ${waiting.length} checks in parallel; each is shown when it ends`);
  const runChecks = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      await quietStage(name, runCheck);
  };
  await Promise.all([quietStage('unit', runJest), ...Array.from({ length: CHECKS_AT_ONCE }, runChecks)]);
  await stage('system tests', () => runJest('system'));
}

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {(text: string) => void} Print
 */

/** Runs a stage and shows its output as it is written. @param {string} name @param {() => Promise<Count>} run */
async function stage(name, run) {
  console.log(`\n── ${name}`);
  const from = Date.now();
  return finish(name, from, await run());
}

/**
 * Runs a stage alongside others and shows its output as one block when it ends.
 * @param {string} name @param {(name: string, print: Print) => Promise<Count>} run
 */
async function quietStage(name, run) {
  const from = Date.now();
  let output = '';
  const count = await run(name, (text) => {
    output += text;
  });
  process.stdout.write(`\n${output}`);
  return finish(name === 'unit' ? 'unit tests' : name, from, count);
}

/** @param {string} name @param {number} from @param {Count} count */
function finish(name, from, count) {
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) sum[key] += count[key];
  console.log(`── ${name}: ${count.failed > 0 ? `${count.failed} FAILED` : 'ok'}, ${seconds(from)}`);
  return count;
}

/** Counts only a failure, since setup tests nothing. @returns {Promise<Count>} */
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

/** @param {string} name @param {Print} print @returns {Promise<Count>} */
async function runCheck(name, print) {
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const ok = (await run([...npm, 'run', '--silent', name], print)) === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

/** @param {string} project @param {Print} [print] @returns {Promise<Count>} */
async function runJest(project, print) {
  const results = join(folder, `${project}.json`);
  const jest = [process.execPath, join(REPOSITORY, 'scripts/jest.mjs'), '--selectProjects', project];
  const reporters = ['--reporters=default', `--reporters=${join(REPOSITORY, 'scripts/jest-progress.mjs')}`];
  const code = await run([...jest, ...reporters, '--json', '--outputFile', results], print);
  try {
    const report = JSON.parse(readFileSync(results, 'utf8'));
    // A file that fails to load, or fails because of a leak, has no failed test to count.
    const failedFiles = report.testResults.filter(failedWithoutTest).length;
    const failed = report.numFailedTests + failedFiles;
    return {
      passed: report.numPassedTests,
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** @param {{ status: string, assertionResults: { status: string }[] }} file */
function failedWithoutTest({ status, assertionResults }) {
  return status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
}

/** @param {string[]} command @param {Print} [print] receives the output; without it the child inherits ours @returns {Promise<number | null>} its exit code */
function run([program = '', ...args], print) {
  // Jest also writes its JSON results to stdout; its readable report goes to stderr.
  const stdout = args.includes('--json') ? 'ignore' : print ? 'pipe' : 'inherit';
  const child = spawn(program, args, {
    cwd: REPOSITORY,
    stdio: ['ignore', stdout, print ? 'pipe' : 'inherit'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text) => print?.(text));
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
