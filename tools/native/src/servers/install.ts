import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lastLines } from '../process/child.js';
import { CannotStart } from '../state/settings.js';
import { findBinary } from './binaries.js';

/** A program that is started but is not part of this repository. */
export interface Requirement {
  /** Name of the program on the PATH. */
  readonly binary: string;
  /** Checks whether it is installed, if the PATH is not enough. */
  readonly installed?: () => boolean;
  readonly why: string;
  /** Arguments that print its version, and the oldest supported one. */
  readonly version?: { readonly args: readonly string[]; readonly atLeast: string };
  /** Package of Debian and of Homebrew; none if another Homebrew package of this list contains it. */
  readonly apt: string;
  readonly brew?: string;
}

export const SERVERS: readonly Requirement[] = [
  {
    binary: 'mosquitto',
    why: 'the MQTT broker',
    version: { args: ['-h'], atLeast: '2.0.11' },
    apt: 'mosquitto',
    brew: 'mosquitto',
  },
  { binary: 'mosquitto_pub', why: 'for the MQTT examples', apt: 'mosquitto-clients' },
  { binary: 'curl', why: 'for the HTTP examples', apt: 'curl' },
  {
    binary: 'redis-server',
    why: 'the database',
    version: { args: ['--version'], atLeast: '7.0' },
    apt: 'redis-server',
    brew: 'redis',
  },
  {
    binary: 'prometheus',
    why: 'metrics',
    version: { args: ['--version'], atLeast: '2.42' },
    apt: 'prometheus',
    brew: 'prometheus',
  },
];

/** Services that Debian starts and enables on installation. An instance runs its own, on other ports. */
const DAEMONS = ['mosquitto', 'redis-server', 'prometheus'];
const daemonsOf = (packages: readonly string[]) => DAEMONS.filter((daemon) => packages.includes(daemon));

/** Debian's Python first, since only that one has Debian's packages. */
const PYTHONS = ['/usr/bin/python3', 'python3'];

/** A Python with paho, the MQTT library of the lesson; undefined if there is none. */
function findPythonWithPaho(): string | undefined {
  return PYTHONS.find((python) => {
    const { error, status } = spawnSync(python, ['-c', 'import paho.mqtt.client'], { stdio: 'ignore' });
    return error === undefined && status === 0;
  });
}

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Homebrew installs Chrome as an application, not on the PATH. */
const CHROME = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** A browser for the console tests; undefined if there is none. */
export function findBrowser(): string | undefined {
  const found = BROWSERS.map((name) => findBinary(name)).find((path) => path !== undefined);
  return found ?? (existsSync(CHROME) ? CHROME : undefined);
}

/** The servers, and tools for the tests. */
export const TEST_TOOLS: readonly Requirement[] = [
  ...SERVERS,
  {
    binary: 'chromium',
    installed: () => findBrowser() !== undefined,
    why: 'for the console',
    apt: 'chromium',
    brew: 'google-chrome',
  },
  { binary: 'ps', why: 'to find leftover processes', apt: 'procps' },
  {
    binary: 'python3-paho-mqtt',
    installed: () => findPythonWithPaho() !== undefined,
    why: 'for the programs of the lesson',
    apt: 'python3-paho-mqtt',
  },
];

function missing(requirements: readonly Requirement[]): Requirement[] {
  return requirements.filter(({ binary, installed }) => !(installed ? installed() : findBinary(binary)));
}

/**
 * Installs missing programs from Debian or Homebrew packages, without starting their daemons.
 * @param log prints one line of progress
 * @throws CannotStart if a version is too old, or with the commands to run if this user cannot install packages
 */
export function installMissing(requirements: readonly Requirement[], log: (line: string) => void): void {
  const wanted = missing(requirements);
  if (wanted.length > 0) {
    const started = Date.now();
    log(`… missing: ${wanted.map(({ binary, why }) => `${binary} (${why})`).join(', ')}; installing`);
    if (findBinary('apt-get')) installWithApt(wanted.map(({ apt }) => apt));
    else if (findBinary('brew')) installWithBrew(wanted.flatMap(({ brew }) => brew ?? []));
    const stillMissing = missing(wanted).map(({ binary, why }) => `${binary} (${why})`);
    if (stillMissing.length > 0) {
      throw new CannotStart(
        `not found: ${stillMissing.join(', ')}; install them with your package manager, then try again`,
      );
    }
    log(`  installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
  const old = requirements.flatMap((requirement) => tooOld(requirement) ?? []);
  if (old.length > 0) throw new CannotStart(old.join('\n  '));
}

function tooOld({ binary, version }: Requirement): string | undefined {
  const path = findBinary(binary);
  if (path === undefined || version === undefined) return undefined;
  const [found] = /\d+([.]\d+)+/.exec(run([path, ...version.args]).output) ?? [];
  if (found === undefined || found.localeCompare(version.atLeast, 'en', { numeric: true }) >= 0)
    return undefined;
  return `${binary} ${found} is too old; install ${version.atLeast} or newer`;
}

function installWithBrew(packages: string[]): void {
  if (packages.length === 0) return;
  const { status, output } = run(['brew', 'install', ...packages]);
  if (status !== 0)
    throw new CannotStart(`brew install ${packages.join(' ')} failed:\n${lastLines(output, 15)}`);
}

/** A policy script that forbids packages to start their daemons (invoke-rc.d(8)). */
const POLICY = '/usr/sbin/policy-rc.d';

function installWithApt(packages: string[]): void {
  const root = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const daemons = daemonsOf(packages);
  if (root.length > 0 && run([...root, 'true']).status !== 0)
    throw new CannotStart(rootInstructions(packages, daemons));
  const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];
  const install = ['apt-get', 'install', ...options, ...packages];
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const forbid = !existsSync(POLICY);
  if (forbid)
    run([...root, 'sh', '-c', `printf '#!/bin/sh\\nexit 101\\n' >${POLICY} && chmod 755 ${POLICY}`]);
  try {
    let result = run([...root, ...environment, ...install]);
    if (result.status !== 0) {
      // The package list may be missing or outdated.
      run([...root, ...environment, 'apt-get', 'update']);
      result = run([...root, ...environment, ...install]);
    }
    if (result.status !== 0) {
      throw new CannotStart(`${install.join(' ')} failed:\n${lastLines(result.output, 15)}`);
    }
  } finally {
    if (forbid) run([...root, 'rm', '-f', POLICY]);
  }
  // The packages enable their daemons, which would take our ports after a reboot.
  if (daemons.length > 0 && existsSync('/run/systemd/system'))
    run([...root, 'systemctl', 'disable', ...daemons]);
}

function rootInstructions(packages: string[], daemons: string[]): string {
  const lines = [
    'installing them requires root; run this, then try again:',
    `  sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`,
  ];
  if (daemons.length > 0) {
    lines.push('Debian starts these servers as system services; to disable them:');
    lines.push(`  sudo systemctl disable --now ${daemons.join(' ')}`);
  }
  return lines.join('\n');
}

function run([command = '', ...args]: string[]): { status: number | null; output: string } {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64_000_000,
  });
  if (signal !== null) throw new CannotStart(`${command} was killed by ${signal}`);
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
}
