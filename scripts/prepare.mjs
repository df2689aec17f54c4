// Prepares the repository before a command loads compiled code, with Node's own modules only: checks the Node version, installs the npm
// packages of package-lock.json and compiles the sources. Prints what it does and why.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = resolve(fileURLToPath(import.meta.url), '../..');
/** A compiled file; if it exists, everything was compiled at least once. */
const STARTER = join(REPOSITORY, 'tools/native/dist/commands/start.js');
const NODE_AT_LEAST = [20, 19];
const SIGNALS = /** @type {const} */ (['SIGTERM', 'SIGHUP']);

/** A failure whose message is printed without a stack trace. */
export class UserError extends Error {}

/** Prepares the repository. @param {(line: string) => void} log prints a line of progress */
export async function prepare(log) {
  requireSupportedNode(process.versions.node);
  const outdated = whyInstall();
  if (outdated) {
    await step(log, `npm packages: installing from package-lock.json (${outdated})`, [
      ...npm(),
      'ci',
      '--ignore-scripts', // a package must not run programs on this machine
      '--include=dev', // NODE_ENV=production would leave out the compiler
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]);
  }
  // The compiler finds out what is out of date; half a second if nothing is.
  const compiler = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
  const why = existsSync(STARTER) ? undefined : 'sources: compiling them (first start)';
  await step(log, why, [process.execPath, compiler, '-b', '--verbose'], (line) => {
    const [, project] = /Building project '(.*)\/tsconfig[.]json'/.exec(line) ?? [];
    return project && `  compiling ${relative(REPOSITORY, project) || 'the rest'}`;
  });
  await step(log, undefined, [process.execPath, join(REPOSITORY, 'scripts/bundle.mjs')]);
}

/**
 * For commands that need a running instance: before the first start has finished there is none, and two installations at the same time
 * would interfere.
 * @throws UserError
 */
export function requireFirstStart() {
  if (existsSync(STARTER) && whyInstall() !== 'none are installed') return;
  throw new UserError('no instance is running; start one first: npm start');
}

/** @param {string} version @throws UserError */
export function requireSupportedNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = NODE_AT_LEAST;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new UserError(
    `requires Node ${NODE_AT_LEAST.join('.')} or newer, found ${version}; see https://nodejs.org`,
  );
}

/** Why node_modules differs from package-lock.json; undefined if it matches. */
export function whyInstall(root = REPOSITORY) {
  const installed = read(join(root, 'node_modules/.package-lock.json'));
  if (!installed) return 'none are installed';
  const wanted = read(join(root, 'package-lock.json'));
  for (const [path, entry] of Object.entries(wanted?.packages ?? {})) {
    // Packages for other platforms are optional; '' and folders outside node_modules are workspaces.
    if (!path.startsWith('node_modules/') || entry.optional) continue;
    if (!existsSync(join(root, path))) return `${path.slice('node_modules/'.length)} is missing`;
    const found = installed.packages[path];
    if (!entry.link && found?.version !== entry.version) {
      return `${path.slice('node_modules/'.length)} is ${found?.version ?? 'unknown'} instead of ${entry.version}`;
    }
  }
  return undefined;
}

/**
 * @param {string} file
 * @returns {{ packages: Record<string, { version?: string, optional?: boolean, link?: boolean }> } | undefined}
 */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The npm that runs this process, or the one on the PATH. */
function npm() {
  const own = process.env.npm_execpath;
  return own?.endsWith('.js') ? [process.execPath, own] : ['npm'];
}

/**
 * Runs a command quietly; its output is shown only if it fails.
 * @param {(line: string) => void} log @param {string | undefined} what @param {string[]} command
 * @param {(line: string) => string | undefined} [progressIn] the progress that a line of output reports
 */
async function step(log, what, [program = '', ...args], progressIn) {
  const started = Date.now();
  if (what) log(`… ${what}`);
  const child = spawn(program, args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (/** @type {Buffer} */ chunk) => {
    output = (output + chunk).slice(-20_000);
  };
  child.stdout.on('data', keep);
  if (progressIn) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const progress = progressIn(line);
      if (progress) log(progress);
    });
  }
  child.stderr.on('data', keep);
  // Pass signals on to the child. Ctrl-C reaches it anyway.
  /** @type {NodeJS.Signals | undefined} */
  let ended;
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    ended = signal;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  const code = await new Promise((done) => {
    child.once('error', (error) => {
      output += error.message;
      done(-1);
    });
    child.once('close', done);
  });
  for (const signal of SIGNALS) process.off(signal, forward);
  if (ended) process.kill(process.pid, ended);
  if (code !== 0) {
    throw new UserError(
      `command failed: ${[program, ...args].join(' ').replaceAll(`${REPOSITORY}/`, '')}\n${output.trimEnd()}`,
    );
  }
  if (what) log(`  done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
