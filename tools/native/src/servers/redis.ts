import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../process/child.js';
import { exchangeBytes, type Server, untilServing } from '../process/serving.js';
import { hashOf, type RedisAccounts, redisUrl, redisUser } from '../state/redis-accounts.js';
import { REPOSITORY } from '../state/repository.js';
import { writePrivate } from '../state/secrets.js';
import { requireBinary } from './binaries.js';

export interface RedisServer extends Server {
  /** The URL with the credentials of an account; `url` is that of `admin`. */
  urlFor(account: keyof RedisAccounts): string;
}

export interface RedisOptions {
  /** Folder of the generated configuration and the data. */
  readonly folder: string;
  readonly port: number;
  /** Password of each account of redis/users that the instance has. */
  readonly accounts: RedisAccounts;
  /** More lines for redis.conf, after those of the repository. */
  readonly settings?: readonly string[];
  readonly logFile?: string;
}

/** A large append-only file takes a long time to load. */
const LOADING_MS = 120_000;

/**
 * Starts Redis on loopback with the repository's settings; resolves when its data is loaded.
 * @throws BinaryMissing, ServerFailed
 */
export async function startRedis({
  folder,
  port,
  accounts,
  settings = [],
  logFile,
}: RedisOptions): Promise<RedisServer> {
  const data = join(folder, 'data');
  const configuration = join(folder, 'redis.conf');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const users = writeRedisUsers(folder, accounts);
  const lines = [
    '# Generated at each start; change redis/redis.conf in the repository instead.',
    `include "${join(REPOSITORY, 'redis/redis.conf')}"`,
    'bind 127.0.0.1',
    `port ${port}`,
    `aclfile "${users}"`,
    `dir "${data}"`,
    ...settings,
  ];
  writePrivate(configuration, `${lines.join('\n')}\n`);

  const child = startChild({
    name: 'redis-server',
    command: requireBinary('redis-server'),
    args: [configuration],
    logFile: logFile ?? join(folder, 'redis.log'),
  });
  const expected = '+OK\r\n+PONG\r\n';
  const probe = async () => {
    const reply = (
      await exchangeBytes(port, `AUTH admin ${accounts.admin}\r\nPING\r\n`, expected.length)
    ).toString();
    return reply === expected || reply.trim();
  };
  await untilServing(child, probe, LOADING_MS);
  const urlFor = (account: keyof RedisAccounts) => redisUrl(port, account, accounts[account]);
  return Object.assign(child, { port, url: urlFor('admin'), urlFor });
}

/** The users of Redis: name → rights of redis/users, with the hash of the password. */
export function redisUsers(accounts: Readonly<Record<string, string>>): Map<string, string> {
  const rights = readFileSync(join(REPOSITORY, 'redis/users'), 'utf8');
  const rightsOf = (account: string) => {
    const [, own] = new RegExp(`^user ${account}\n((?: +.+\n)+)`, 'm').exec(rights) ?? [];
    if (own === undefined) throw new Error(`redis/users has no account ${account}`);
    return own.trim().replaceAll(/\s+/g, ' ');
  };
  const users = new Map([['default', `off ${rightsOf('default')}`]]);
  for (const [account, password] of Object.entries(accounts))
    users.set(redisUser(account, password), `on #${hashOf(password)} ${rightsOf(account)}`);
  return users;
}

/** Writes the access list that Redis reads at its next start. Returns its path. */
export function writeRedisUsers(folder: string, accounts: RedisAccounts): string {
  const file = join(folder, 'users.acl');
  const lines = [...redisUsers(accounts)].map(([name, rights]) => `user ${name} ${rights}\n`);
  writePrivate(file, lines.join(''));
  return file;
}
