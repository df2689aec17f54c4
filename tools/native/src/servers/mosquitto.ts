import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startChild } from '../process/child.js';
import { exchangeBytes, type Server, untilServing } from '../process/serving.js';
import { REPOSITORY } from '../state/repository.js';
import { passwordFile, writePrivate } from '../state/secrets.js';
import type { Ports } from '../state/settings.js';
import { requireBinary } from './binaries.js';
import { brokerConfiguration, type NetworkListener } from './broker-configuration.js';
import { type BrokerLimits, brokerLimits, openFilesLimit } from './broker-limits.js';

export interface MosquittoOptions {
  /** Folder of the generated configuration, the password hashes and the broker's database. */
  readonly folder: string;
  /** Port for devices on this machine. */
  readonly port: number;
  /** Port for the services, not subject to the connection limit of devices. */
  readonly servicesPort: number;
  /** Also admits devices on the network, with TLS. Its certificates must exist. */
  readonly network?: NetworkListener | undefined;
  /** User name → password: `rules`, the fleets, and `<fleet>.reader` for read-only access to a fleet. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Allow anonymous clients only on the lesson topics. */
  readonly lesson?: boolean;
  /** Default: enough for 3,000 connections. */
  readonly limits?: BrokerLimits;
  readonly logFile?: string;
}

export interface Mosquitto extends Server {
  /** The broker URL with the credentials of an account; for `rules`, of the services' listener. */
  urlFor(user: string): string;
  /** Adds accounts to the running broker; resolves when they can connect. */
  addAccounts(more: Readonly<Record<string, string>>): Promise<void>;
}

/** The account of the rules service. */
const SERVICE = 'rules';

/**
 * Starts Mosquitto on loopback with the repository's ACL and limits; resolves when it accepts the first account.
 * @throws BinaryMissing, ServerFailed
 */
export async function startMosquitto(options: MosquittoOptions): Promise<Mosquitto> {
  const { folder, port, lesson = false } = options;
  const accounts = { ...options.accounts };
  const files = filesIn(folder);
  const { configuration, pid } = files;
  mkdirSync(files.data, { recursive: true, mode: 0o700 });
  let joined = writeAccounts(folder, accounts, lesson);
  const limits = options.limits ?? brokerLimits(0, openFilesLimit());
  writePrivate(configuration, brokerConfiguration({ ...options, lesson, limits, files }));

  const child = startChild({
    name: 'mosquitto',
    command: requireBinary('mosquitto'),
    args: ['-c', configuration],
    openFiles: limits.openFiles,
    logFile: options.logFile ?? join(folder, 'mosquitto.log'),
  });
  writePrivate(pid, `${child.pid}\n`);
  const portFor = (user: string) => (user === SERVICE ? options.servicesPort : port);
  const accepts = (user: string) => () => acceptsAccount(portFor(user), user, accounts[user] ?? '');
  const first = Object.keys(accounts)[0] ?? '';
  await untilServing(child, accepts(first), 10_000);
  const watch = setInterval(() => {
    if (accountsVersion(folder) === joined) return;
    try {
      joined = joinAccounts(folder);
      child.kill('SIGHUP');
    } catch {
      // The script has written the reason to stderr; the next check tries again.
    }
  }, WATCH_MS);
  watch.unref();
  void child.exited.finally(() => clearInterval(watch));

  const server: Server = Object.assign(child, { port, url: `mqtt://127.0.0.1:${port}` });
  return Object.assign(server, {
    // A user may have chosen the password of a fleet, so it may need encoding.
    urlFor: (user: string) =>
      `mqtt://${user}:${encodeURIComponent(accounts[user] ?? '')}@127.0.0.1:${portFor(user)}`,
    async addAccounts(more: Readonly<Record<string, string>>) {
      Object.assign(accounts, more);
      joined = writeAccounts(folder, accounts, lesson);
      child.kill('SIGHUP');
      for (const user of Object.keys(more)) await untilServing(child, accepts(user), 10_000);
    },
  });
}

/**
 * Replaces the accounts of the broker that runs in this folder, whose process joins and loads them. Only clients of removed accounts are
 * disconnected. Resolves when the broker accepts all accounts; a broker that has stopped loads them at its next start.
 */
export async function reloadAccounts(
  folder: string,
  ports: Pick<Ports, 'MQTT_PORT' | 'MQTT_SERVICES_PORT'>,
  accounts: Readonly<Record<string, string>>,
): Promise<void> {
  const { configuration, pid, passwords } = filesIn(folder);
  const lesson = /^allow_anonymous true$/m.test(readFileSync(configuration, 'utf8'));
  const before = versionOf(passwords);
  writeFleets(folder, accounts, lesson);
  if (!signal(pid, 0)) return;
  const deadline = Date.now() + RELOAD_MS;
  const until = async (isDone: () => Promise<boolean>) => {
    while (!(await isDone()) && Date.now() < deadline) await setTimeout(20);
  };
  // Removed accounts, too, are gone only then.
  await until(async () => versionOf(passwords) !== before);
  for (const [user, password] of Object.entries(accounts)) {
    const port = user === SERVICE ? ports.MQTT_SERVICES_PORT : ports.MQTT_PORT;
    await until(async () => (await acceptsAccount(port, user, password).catch(() => false)) === true);
  }
}

/** How often the broker looks for changed accounts, milliseconds. */
const WATCH_MS = 250;

/** The accounts that the api has written for the broker in this folder (DEVICE_ACCOUNTS_FILE). */
export const deviceAccountsFile = (folder: string): string => filesIn(folder).deviceAccounts;

/** Makes the broker that runs in this folder load its certificate and revocation list again; false if it has stopped. */
export function reloadCertificates(folder: string): boolean {
  return signal(filesIn(folder).pid, 'SIGHUP');
}

/** Sends the broker a signal, or with 0 only checks that it runs; false if it has stopped. */
function signal(pidFile: string, name: 'SIGHUP' | 0): boolean {
  try {
    return process.kill(Number(readFileSync(pidFile, 'utf8')), name);
  } catch {
    return false;
  }
}

/** More than a busy broker takes to reload its accounts. */
const RELOAD_MS = 10_000;

/** The generated files of a broker. */
function filesIn(folder: string) {
  return {
    /** Of the device listener: fleets and devices. */
    passwords: join(folder, 'passwords'),
    acl: join(folder, 'acl'),
    servicePasswords: join(folder, 'service-passwords'),
    servicesAcl: join(folder, 'fleets/acl'),
    /** Without the devices. */
    fleets: { passwords: join(folder, 'fleets/passwords'), acl: join(folder, 'fleets/acl') },
    deviceAccounts: join(folder, 'devices/accounts'),
    data: join(folder, 'data/'),
    configuration: join(folder, 'mosquitto.conf'),
    /** The broker's process id. */
    pid: join(folder, 'pid'),
  };
}

/** Writes the accounts and the access list of each listener. Returns their version. */
function writeAccounts(folder: string, accounts: Readonly<Record<string, string>>, lesson: boolean): string {
  writeFleets(folder, accounts, lesson);
  return joinAccounts(folder);
}

/** Writes the accounts and the access list of the services, and those of the fleets, to be joined with those of devices. */
function writeFleets(folder: string, accounts: Readonly<Record<string, string>>, lesson: boolean): void {
  const { fleets, servicePasswords } = filesIn(folder);
  const { [SERVICE]: service, ...devices } = accounts;
  writePrivate(fleets.passwords, passwordFile(devices));
  writePrivate(servicePasswords, passwordFile(service === undefined ? {} : { [SERVICE]: service }));
  writePrivate(fleets.acl, aclText(accounts, lesson));
}

/** Joins the accounts of fleets and devices, as in containers; only the process that started the broker does. Returns their version. */
function joinAccounts(folder: string): string {
  // Read first: the api may write its file meanwhile.
  const version = accountsVersion(folder);
  const script = join(REPOSITORY, 'mosquitto/merge.sh');
  execFileSync('/bin/sh', [script, join(folder, 'fleets'), filesIn(folder).deviceAccounts, folder]);
  return version;
}

/** Changes with every change of accounts. The api changes those of devices, and `reloadAccounts` the others. */
function accountsVersion(folder: string): string {
  const { deviceAccounts, fleets, servicePasswords } = filesIn(folder);
  const files = [deviceAccounts, fleets.passwords, fleets.acl, servicePasswords];
  return files.map(versionOf).join();
}

/** Changes whenever a file is replaced. */
function versionOf(file: string): string {
  const { ino, mtimeMs, size } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${ino}/${mtimeMs}/${size}`;
}

/** Rules for anonymous clients: the lesson topics of every fleet except the canary's. They must precede the first `user` line. */
const LESSON_ACL = `topic deny lamplighter-canary/#
topic readwrite +/telemetry
topic readwrite +/telemetry/+
topic write +/telemetry/#
topic readwrite +/commands
topic readwrite +/commands/+
`;

/** The repository's access list, with the rules for anonymous clients and readers. */
function aclText(accounts: Readonly<Record<string, string>>, lesson: boolean): string {
  const common = readFileSync(join(REPOSITORY, 'mosquitto/acl'), 'utf8');
  const readers = Object.keys(accounts).filter((name) => name.endsWith(READER));
  return [lesson ? lessonAcl(common) : '', common, ...readers.map(readerAcl)].join('');
}

/** Anonymous clients may also publish to the misspelt topics of any fleet. */
function lessonAcl(common: string): string {
  const misspelt = common
    .slice(common.indexOf('\n# Misspelt topics, from '))
    .matchAll(/^pattern write (.+)$/gm);
  return `${LESSON_ACL}${[...misspelt].map(([, topic = '']) => `topic write ${topic.replace('%u', '+')}\n`).join('')}\n`;
}

/** Suffix of read-only accounts. */
export const READER = '.reader';

/** Read access to a fleet. Unlike the account of a fleet, a reader has no topics of its own. */
function readerAcl(account: string): string {
  const fleet = account.slice(0, -READER.length);
  const topics = ['telemetry', 'state', 'presence'].map((kind) => `topic read ${fleet}/${kind}/#\n`);
  return `\nuser ${account}\ntopic deny ${account}/#\ntopic deny /${account}/#\n${topics.join('')}`;
}

/** Sends an MQTT 3.1.1 CONNECT; true if the reply is a CONNACK with return code 0. */
export async function acceptsAccount(
  port: number,
  user: string,
  password: string,
  clientId = `lamplighter-probe-${process.pid}`,
): Promise<true | string> {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  };
  const cleanSessionWithCredentials = 0xc2;
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, cleanSessionWithCredentials, 0, 10]),
    text(clientId),
    text(user),
    text(password),
  ]);
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  const reply = await exchangeBytes(port, Buffer.concat([Buffer.from([0x10, ...length]), body]), 4);
  return reply.equals(Buffer.from([0x20, 2, 0, 0])) || `it refuses the account ${user}`;
}
