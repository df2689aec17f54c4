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
import { type RedisAccounts, redisUrl } from './redis-accounts.js';
import { secretIn, writePrivate } from './secrets.js';
import { CannotStart, type Ports } from './settings.js';

/**
 * The state folder of one native instance:
 *
 *     instance.json   marks a state folder, and holds the ports of the last start
 *     lock            process id of the running instance; stale once that process has ended
 *     secrets/        one password per file: redis (account admin), redis-rules, redis-api, mqtt-<account>. Each fleet has its own file
 *     certificates/   the certificate authority and the broker's certificate (services/certificates), once --lan was used
 *     logs/           the current log of each process, and the previous one
 *     mosquitto/ redis/ prometheus/   generated configuration and data
 */
export interface State {
  readonly folder: string;
  /** Account → password of the rules service and of every fleet, read on each access because fleets can be added and removed. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Account of Redis → password, read on each access, because they can be rotated. */
  readonly redisAccounts: RedisAccounts;
  /** The path of a secret. */
  secretFile(name: string): string;
  /** The path of the log of a process. The log of an earlier start is moved to `.1`. */
  logFile(name: string): string;
}

const MARKER = 'instance.json';
const LOCK = 'lock';
/** The fleet of the simulator. */
export const FLEET = 'demo';

/**
 * Locks the folder for this process, creating it on first use. Returns a function that unlocks it.
 * @throws CannotStart if it is not a state folder, or another instance uses it
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
      `${folder} is not empty and not a state folder; choose another: LAMPLIGHTER_STATE=path npm start`,
    );
  }
  const owner = runningOwner(folder);
  if (owner !== undefined) {
    const ports =
      'MQTT_PORT=11883 MQTT_SERVICES_PORT=11884 REDIS_PORT=26379 API_PORT=18080 PROMETHEUS_PORT=19090 RULES_PORT=18081 SIM_PORT=18082';
    throw new CannotStart(
      `${folder} is in use by process ${owner}; stop it, or start a second instance with its own folder and ports:
  LAMPLIGHTER_STATE=.lamplighter-2 ${ports} npm start`,
    );
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writePrivate(join(folder, LOCK), `${process.pid}\n`);
  return () => rmSync(join(folder, LOCK), { force: true });
}

/** Opens a locked folder and creates missing secrets. `reset` first removes its contents. */
export function openState(folder: string, ports: Ports, reset = false): State {
  // The marker is kept, so that an interrupted reset still leaves a state folder.
  const removed = reset ? readdirSync(folder).filter((name) => name !== LOCK && name !== MARKER) : [];
  for (const name of removed) rmSync(join(folder, name), { recursive: true });
  writePrivate(join(folder, MARKER), `${JSON.stringify({ program: 'lamplighter', ports }, null, 2)}\n`);
  const secretFile = (name: string) => join(folder, 'secrets', name);
  for (const account of ['rules', FLEET]) secretIn(secretFile(`mqtt-${account}`));
  readRedisAccounts(join(folder, 'secrets'));
  return {
    folder,
    get accounts() {
      return readAccounts(join(folder, 'secrets'));
    },
    get redisAccounts() {
      return readRedisAccounts(join(folder, 'secrets'));
    },
    secretFile,
    logFile(name) {
      const file = join(folder, 'logs', `${name}.log`);
      mkdirSync(join(folder, 'logs'), { recursive: true });
      if (existsSync(file)) renameSync(file, `${file}.1`);
      return file;
    },
  };
}

/** Whether the folder is the state folder of an instance, running or not. */
export function isInstance(folder: string): boolean {
  return existsSync(join(folder, MARKER)) && existsSync(join(folder, 'secrets'));
}

/** The ports of the instance that uses a folder, and the URL of its Redis; undefined if none is running, or its first start is still preparing. */
export function readRunningInstance(folder: string): { ports: Ports; redisUrl: string } | undefined {
  const [marker, password] = [join(folder, MARKER), join(folder, 'secrets', 'redis-api')];
  // A first start installs missing programs before it creates these files.
  if (runningOwner(folder) === undefined || !existsSync(marker) || !existsSync(password)) return undefined;
  const { ports } = JSON.parse(readFileSync(marker, 'utf8')) as { ports: Ports };
  return { ports, redisUrl: redisUrl(ports.REDIS_PORT, 'api', readFileSync(password, 'utf8').trim()) };
}

/** Account of Redis → password, from the secrets folder. */
export function readRedisAccounts(secrets: string): RedisAccounts {
  return {
    admin: secretIn(join(secrets, 'redis')),
    rules: secretIn(join(secrets, 'redis-rules')),
    api: secretIn(join(secrets, 'redis-api')),
  };
}

/** Account → password, from the secrets folder. */
export function readAccounts(secrets: string): Record<string, string> {
  const names = readdirSync(secrets).filter((name) => /^mqtt-[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name));
  const accounts = names.map((name) => [name.slice('mqtt-'.length), secretIn(join(secrets, name))]);
  return Object.fromEntries(accounts) as Record<string, string>;
}

/** The process that holds the lock, if it is alive and is an instance (process ids are reused after a reboot). */
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

/** Largest log file of a running process, bytes. Older lines move to `.1`, which replaces the previous one. */
const LOG_BYTES = 20_000_000;

/** Limits the size of a log file while its process is writing to it. Never throws: a log must not stop the instance. */
export function boundLog(file: string): void {
  try {
    if (statSync(file).size < LOG_BYTES) return;
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  } catch {
    // The log was removed, or the disk is full; in both cases it does not grow.
  }
}
