import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { secretIn, writePrivate } from './secrets.js';
import { CannotStart, type Ports } from './settings.js';

/**
 * The state folder of one native instance:
 *
 *     instance.json   marks the folder as ours and tells the ports of the last start
 *     lock            process id of the instance that runs on it; stale once that process is gone
 *     secrets/        one password per file: redis, mqtt-<account>. A fleet gets an account by a file of its own
 *     logs/           one file per process and one older
 *     mosquitto/ redis/ prometheus/   generated configuration and data
 */
export interface State {
  readonly folder: string;
  /** Account → password, of the rules service and of every fleet: those of now, for fleets come and go. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly redisPassword: string;
  /** The path of a secret. */
  secretFile(name: string): string;
  /** The path of a process's log; what it holds from an earlier start is moved aside. */
  logFile(name: string): string;
}

const MARKER = 'instance.json';
const LOCK = 'lock';
/** The fleet of the simulator. */
export const FLEET = 'demo';

/**
 * Takes the folder, made on first use, for this process; gives back how to free it.
 * @throws CannotStart if the folder is not ours, or another instance runs on it
 */
export function lockState(folder: string): () => void {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new CannotStart(`${folder} is not a folder; choose another: LAMPLIGHTER_STATE=path npm start`);
  if (
    existsSync(folder) &&
    !existsSync(join(folder, MARKER)) &&
    readdirSync(folder).some((name) => name !== LOCK)
  ) {
    throw new CannotStart(
      `${folder} is not empty and not a state folder of this program; choose another: LAMPLIGHTER_STATE=path npm start`,
    );
  }
  const owner = runningOwner(folder);
  if (owner !== undefined) {
    const ports =
      'MQTT_PORT=11883 MQTT_SERVICES_PORT=11884 REDIS_PORT=26379 API_PORT=18080 PROMETHEUS_PORT=19090 RULES_PORT=18081 SIM_PORT=18082';
    throw new CannotStart(
      `process ${owner} runs on ${folder} already; stop it, or start a second instance with a folder and ports of its own:
  LAMPLIGHTER_STATE=.lamplighter-2 ${ports} npm start`,
    );
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writePrivate(join(folder, LOCK), `${process.pid}\n`);
  return () => rmSync(join(folder, LOCK), { force: true });
}

/** Opens a locked folder and makes the secrets that are missing. With `reset` everything in it is removed before. */
export function openState(folder: string, ports: Ports, reset = false): State {
  // Whoever is interrupted in between leaves a folder that is still known as ours.
  const removed = reset ? readdirSync(folder).filter((name) => name !== LOCK && name !== MARKER) : [];
  for (const name of removed) rmSync(join(folder, name), { recursive: true });
  writePrivate(join(folder, MARKER), `${JSON.stringify({ program: 'lamplighter', ports }, null, 2)}\n`);
  const secretFile = (name: string) => join(folder, 'secrets', name);
  for (const account of ['rules', FLEET]) secretIn(secretFile(`mqtt-${account}`));
  return {
    folder,
    get accounts() {
      return readAccounts(join(folder, 'secrets'));
    },
    redisPassword: secretIn(secretFile('redis')),
    secretFile,
    logFile(name) {
      const file = join(folder, 'logs', `${name}.log`);
      mkdirSync(join(folder, 'logs'), { recursive: true });
      if (existsSync(file)) renameSync(file, `${file}.1`);
      return file;
    },
  };
}

/** Whether this is the state folder of an instance, running or not. */
export function isInstance(folder: string): boolean {
  return existsSync(join(folder, MARKER)) && existsSync(join(folder, 'secrets'));
}

/** The ports of the instance that runs on a folder, and its Redis password; undefined if none runs, or one has only begun to. */
export function readRunningInstance(folder: string): { ports: Ports; redisPassword: string } | undefined {
  const [marker, password] = [join(folder, MARKER), join(folder, 'secrets', 'redis')];
  // A first start installs what is missing before it makes these.
  if (runningOwner(folder) === undefined || !existsSync(marker) || !existsSync(password)) return undefined;
  const { ports } = JSON.parse(readFileSync(marker, 'utf8')) as { ports: Ports };
  return { ports, redisPassword: readFileSync(password, 'utf8').trim() };
}

/** Account → password, of a folder of secrets. */
export function readAccounts(secrets: string): Record<string, string> {
  const names = readdirSync(secrets).filter((name) => /^mqtt-[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name));
  const accounts = names.map((name) => [name.slice('mqtt-'.length), secretIn(join(secrets, name))]);
  return Object.fromEntries(accounts) as Record<string, string>;
}

/** The process that holds the folder's lock, if it lives and is a start of ours (numbers are used again after a reboot). */
function runningOwner(folder: string): number | undefined {
  const file = join(folder, LOCK);
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (!(pid > 0) || pid === process.pid) return undefined;
  return commandOf(pid).includes('start.mjs') ? pid : undefined;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  }
}

/** A log file of a running process never grows above this, bytes: what is older moves to `.1`, what is older still goes. */
const LOG_BYTES = 20_000_000;

/** Keeps a log file within its bound while its process goes on writing to it. Never throws: no log is worth the fleet. */
export function boundLog(file: string): void {
  try {
    if (statSync(file).size < LOG_BYTES) return;
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  } catch {
    // Somebody has removed it, or the disk is full, and then it does not grow either.
  }
}
