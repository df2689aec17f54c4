import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireBinary } from './binaries.js';
import { startChild } from './child.js';
import { REPOSITORY } from './repository.js';
import { passwordFile, writePrivate } from './secrets.js';
import { ask, type Server, untilServing } from './serving.js';

export interface MosquittoOptions {
  /** For the generated configuration, the password hashes and the broker's database. */
  readonly folder: string;
  readonly port: number;
  /** User name → password; `rules` and the fleets. */
  readonly accounts: Readonly<Record<string, string>>;
  /** Also let anonymous clients use the lesson's two-level topics, and nothing else. */
  readonly lesson?: boolean;
  readonly logFile?: string;
}

export interface Mosquitto extends Server {
  /** The broker's URL with an account's credentials. */
  urlFor(user: string): string;
  /** Adds accounts to the running broker; settles when they can connect. */
  addAccounts(more: Readonly<Record<string, string>>): Promise<void>;
}

/** Anonymous rules stand before the first `user` line. */
const LESSON_ACL = 'topic write +/telemetry\ntopic read +/commands\n\n';

/**
 * Starts Mosquitto on loopback with the repository's ACL and limits; settles when it accepts the first account.
 * @throws BinaryMissing, ServerFailed
 */
export async function startMosquitto(options: MosquittoOptions): Promise<Mosquitto> {
  const { folder, port, lesson = false } = options;
  const accounts = { ...options.accounts };
  const passwords = join(folder, 'passwords');
  const acl = join(folder, 'acl');
  const configuration = join(folder, 'mosquitto.conf');
  mkdirSync(join(folder, 'data'), { recursive: true, mode: 0o700 });
  writePrivate(passwords, passwordFile(accounts));
  writePrivate(acl, (lesson ? LESSON_ACL : '') + readFileSync(join(REPOSITORY, 'mosquitto/acl'), 'utf8'));
  writePrivate(
    configuration,
    configurationText({ port, lesson, passwords, acl, data: join(folder, 'data/') }),
  );

  const child = startChild({
    name: 'mosquitto',
    command: requireBinary('mosquitto'),
    args: ['-c', configuration],
    logFile: options.logFile ?? join(folder, 'mosquitto.log'),
  });
  const accepts = (user: string) => () => acceptsAccount(port, user, accounts[user] ?? '');
  const first = Object.keys(accounts)[0] ?? '';
  await untilServing(child, accepts(first), 10_000);

  const server: Server = Object.assign(child, { port, url: `mqtt://127.0.0.1:${port}` });
  return Object.assign(server, {
    // A person may have given a fleet a password of their own.
    urlFor: (user: string) => `mqtt://${user}:${encodeURIComponent(accounts[user] ?? '')}@127.0.0.1:${port}`,
    async addAccounts(more: Readonly<Record<string, string>>) {
      Object.assign(accounts, more);
      writePrivate(passwords, passwordFile(accounts));
      child.kill('SIGHUP');
      for (const user of Object.keys(more)) await untilServing(child, accepts(user), 10_000);
    },
  });
}

function configurationText(of: {
  port: number;
  lesson: boolean;
  passwords: string;
  acl: string;
  data: string;
}): string {
  return `# Generated at each start; change mosquitto/ in the repository instead.
listener ${of.port} 127.0.0.1
allow_anonymous ${of.lesson}
password_file ${of.passwords}
acl_file ${of.acl}
persistence_location ${of.data}
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
${process.getuid?.() === 0 ? '# Started by root, whose files are in a folder that nobody else may enter.\nuser root\n' : ''}
include_dir ${join(REPOSITORY, 'mosquitto/conf.d')}
`;
}

/** An MQTT 3.1.1 CONNECT by hand; true if the answer is CONNACK with return code 0. */
async function acceptsAccount(port: number, user: string, password: string): Promise<true | string> {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
  };
  const cleanSessionWithCredentials = 0xc2;
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, cleanSessionWithCredentials, 0, 10]),
    text(`lamplighter-probe-${process.pid}`),
    text(user),
    text(password),
  ]);
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  const answer = await ask(port, Buffer.concat([Buffer.from([0x10, ...length]), body]), 4);
  return answer.equals(Buffer.from([0x20, 2, 0, 0])) || `it does not accept the account ${user}`;
}
