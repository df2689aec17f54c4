// What every command of this repository needs before it can load compiled code, in Node's own modules only: a Node that
// is new enough, the npm packages of package-lock.json, and the compiled sources. Says what it does and why.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = resolve(fileURLToPath(import.meta.url), '../..');
/** Compiled, it shows that everything was once. */
const STARTER = join(REPOSITORY, 'tools/native/dist/commands/start.js');
const NODE_AT_LEAST = [20, 19];
const SIGNALS = /** @type {const} */ (['SIGTERM', 'SIGHUP']);

/** A failed step: one message for the person at the terminal. */
export class CannotGoOn extends Error {}

/** Prepares the repository. @param {(line: string) => void} say one line of progress */
export async function prepare(say) {
  refuseOldNode(process.versions.node);
  const outdated = whyInstall();
  if (outdated) {
    await step(say, `npm packages: installing those of package-lock.json (${outdated})`, [
      ...npm(),
      'ci',
      '--include=dev', // NODE_ENV=production would leave out the compiler
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]);
  }
  // The compiler itself knows best what is out of date, and needs half a second to find that nothing is.
  const compiler = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
  const why = existsSync(STARTER) ? undefined : 'sources: compiling them (first start)';
  await step(say, why, [process.execPath, compiler, '-b', '--verbose'], (line) => {
    const [, project] = /Building project '(.*)\/tsconfig[.]json'/.exec(line) ?? [];
    return project && `  compiling ${relative(REPOSITORY, project) || 'the rest'}`;
  });
  await step(say, undefined, [process.execPath, join(REPOSITORY, 'scripts/bundle.mjs')]);
}

/**
 * For commands that ask a running instance: where nothing was ever made ready, nothing runs, and the first start may be at it right
 * now. Two installations at once would spoil each other.
 * @throws CannotGoOn
 */
export function refuseBeforeFirstStart() {
  if (existsSync(STARTER) && whyInstall() !== 'there are none yet') return;
  throw new CannotGoOn('nothing runs here yet; start it first: npm start');
}

/** @param {string} version @throws CannotGoOn */
export function refuseOldNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = NODE_AT_LEAST;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new CannotGoOn(
    `needs Node ${NODE_AT_LEAST.join('.')} or newer, and this is ${version}; see https://nodejs.org for a newer one`,
  );
}

/** Why node_modules is not what package-lock.json asks for; undefined if it is. */
export function whyInstall(root = REPOSITORY) {
  const installed = read(join(root, 'node_modules/.package-lock.json'));
  if (!installed) return 'there are none yet';
  const wanted = read(join(root, 'package-lock.json'));
  for (const [path, entry] of Object.entries(wanted?.packages ?? {})) {
    // Packages for other platforms are optional and rightly absent; '' and folders without node_modules are our own.
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

/** The npm that runs us, or the one on the PATH. */
function npm() {
  const own = process.env.npm_execpath;
  return own?.endsWith('.js') ? [process.execPath, own] : ['npm'];
}

/**
 * Runs a command quietly; its output is shown only if it fails.
 * @param {(line: string) => void} say @param {string | undefined} what @param {string[]} command
 * @param {(line: string) => string | undefined} [progressIn] what a line of its output says of its progress
 */
async function step(say, what, [program = '', ...args], progressIn) {
  const started = Date.now();
  if (what) say(`… ${what}`);
  const child = spawn(program, args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (/** @type {Buffer} */ chunk) => {
    output = (output + chunk).slice(-20_000);
  };
  child.stdout.on('data', keep);
  if (progressIn) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const progress = progressIn(line);
      if (progress) say(progress);
    });
  }
  child.stderr.on('data', keep);
  // Whoever ends us ends it too. What a person types reaches it anyway.
  /** @type {NodeJS.Signals | undefined} */
  let ended;
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    ended = signal;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  const code = await new Promise((done) => {
    child.once('error', (error) => {
      output += error.message;
      done(-1);
    });
    child.once('close', done);
  });
  for (const signal of SIGNALS) process.off(signal, pass);
  if (ended) process.kill(process.pid, ended);
  if (code !== 0) {
    throw new CannotGoOn(
      `this failed: ${[program, ...args].join(' ').replaceAll(`${REPOSITORY}/`, '')}\n${output.trimEnd()}`,
    );
  }
  if (what) say(`  done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
