import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lastLines } from '../process/child.js';
import { CannotStart } from '../state/settings.js';
import { findBinary } from './binaries.js';

/** A program that we start and do not bring along. */
export interface Requirement {
  /** Finds it: the program's name. */
  readonly binary: string;
  /** Finds it if that takes more than a look at the PATH. */
  readonly installed?: () => boolean;
  readonly why: string;
  /** How it tells its version, and the oldest that works. */
  readonly version?: { readonly args: readonly string[]; readonly atLeast: string };
  /** Debian's and Homebrew's package; none if Homebrew has it in another package of this list. */
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
  { binary: 'mosquitto_pub', why: 'to try things over MQTT', apt: 'mosquitto-clients' },
  { binary: 'curl', why: 'to try things over HTTP', apt: 'curl' },
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

/** Services that Debian starts and enables with these packages; ours run beside the system's, on other ports. */
const DAEMONS = ['mosquitto', 'redis-server', 'prometheus'];
const daemonsOf = (packages: readonly string[]) => DAEMONS.filter((daemon) => packages.includes(daemon));

/** Debian's Python first: another one on the PATH does not have Debian's packages. */
const PYTHONS = ['/usr/bin/python3', 'python3'];

/** A Python that has the MQTT library of the lesson, paho; undefined if there is none. */
function findPythonWithPaho(): string | undefined {
  return PYTHONS.find((python) => {
    const { error, status } = spawnSync(python, ['-c', 'import paho.mqtt.client'], { stdio: 'ignore' });
    return error === undefined && status === 0;
  });
}

/** What the tests need beyond the servers. */
export const TEST_TOOLS: readonly Requirement[] = [
  ...SERVERS,
  { binary: 'ps', why: 'to see what is left running', apt: 'procps' },
  {
    binary: 'python3-paho-mqtt',
    installed: () => findPythonWithPaho() !== undefined,
    why: 'to run the lesson as its students do',
    apt: 'python3-paho-mqtt',
  },
];

function missing(requirements: readonly Requirement[]): Requirement[] {
  return requirements.filter(({ binary, installed }) => !(installed ? installed() : findBinary(binary)));
}

/**
 * Installs what is missing from Debian's or Homebrew's packages, and leaves no daemon running that was not there before.
 * @param log prints one line of progress
 * @throws CannotStart if something is too old, or with the command to type if it may not, or cannot, install
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
        `not found: ${stillMissing.join(', ')}; install with your package manager, then start again`,
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
  return `${binary} is version ${found}; ${version.atLeast} or newer is needed`;
}

function installWithBrew(packages: string[]): void {
  if (packages.length === 0) return;
  const { status, output } = run(['brew', 'install', ...packages]);
  if (status !== 0)
    throw new CannotStart(`brew install ${packages.join(' ')} failed:\n${lastLines(output, 15)}`);
}

/** Answers "no" when a package asks whether it may start its daemon (invoke-rc.d(8)). */
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
      // The list of packages is missing or old.
      run([...root, ...environment, 'apt-get', 'update']);
      result = run([...root, ...environment, ...install]);
    }
    if (result.status !== 0) {
      throw new CannotStart(`${install.join(' ')} failed:\n${lastLines(result.output, 15)}`);
    }
  } finally {
    if (forbid) run([...root, 'rm', '-f', POLICY]);
  }
  // Not started now, but enabled: after a reboot they would sit on our ports.
  if (daemons.length > 0 && existsSync('/run/systemd/system'))
    run([...root, 'systemctl', 'disable', ...daemons]);
}

function rootInstructions(packages: string[], daemons: string[]): string {
  const lines = [
    'needs root to install them; type this, then start again:',
    `  sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`,
  ];
  if (daemons.length > 0) {
    lines.push('Debian starts such servers by itself; unless you want them too:');
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
  if (signal !== null) throw new CannotStart(`${command} was ended by ${signal}`);
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
}
