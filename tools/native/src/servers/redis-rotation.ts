import { setTimeout } from 'node:timers/promises';
import { exchangeBytes, ServerFailed } from '../process/serving.js';
import { hashOf, type RedisAccounts, redisUser } from '../state/redis-accounts.js';
import { redisUsers, writeRedisUsers } from './redis.js';

export interface RedisRotation {
  /** Folder of the generated configuration. */
  readonly folder: string;
  readonly port: number;
  readonly before: RedisAccounts;
  readonly after: RedisAccounts;
  /** Writes the new passwords where the services read them; called when Redis accepts both. */
  readonly announce: () => void;
}

/** Services read their URL every second; a busy one may need longer. */
const MOVE_MS = 10_000;
const PAUSE_MS = 100;

/**
 * Replaces the passwords of a running Redis. First both are valid; when no connection uses an earlier user any more, or after 10 s, the earlier
 * users are deleted, which closes their connections.
 * @throws ServerFailed if Redis does not accept a command
 */
export async function rotateRedisAccounts({
  folder,
  port,
  before,
  after,
  announce,
}: RedisRotation): Promise<void> {
  const earlier = (['rules', 'api'] as const).map((account) => redisUser(account, before[account]));
  const added = [...redisUsers(after)].filter(([name]) => name !== 'default' && name !== 'admin');
  await run(port, before.admin, [
    ...added.map(([name, rights]) => `ACL SETUSER ${name} reset ${rights}`),
    `ACL SETUSER admin #${hashOf(after.admin)}`,
  ]);
  announce();
  const deadline = Date.now() + MOVE_MS;
  while ((await hasConnections(port, after.admin, earlier)) && Date.now() < deadline)
    await setTimeout(PAUSE_MS);
  await run(port, after.admin, [
    ...earlier.map((name) => `ACL DELUSER ${name}`),
    `ACL SETUSER admin !${hashOf(before.admin)}`,
  ]);
  writeRedisUsers(folder, after);
}

/** @throws ServerFailed with the first error */
async function run(port: number, password: string, commands: readonly string[]): Promise<void> {
  const reply = await ask(port, password, commands);
  const refused = /^-(.*)\r$/m.exec(reply)?.[1];
  if (refused !== undefined || !reply.startsWith('+OK'))
    throw new ServerFailed(`Redis: ${refused ?? 'no reply'}`);
}

async function hasConnections(port: number, password: string, users: readonly string[]): Promise<boolean> {
  const list = await ask(port, password, ['CLIENT LIST']);
  return users.some((user) => list.includes(` user=${user} `));
}

/** The replies to commands of `admin`. Redis closes the connection after QUIT, which ends the exchange. */
async function ask(port: number, password: string, commands: readonly string[]): Promise<string> {
  const lines = [`AUTH admin ${password}`, ...commands, 'QUIT'].map((line) => `${line}\r\n`);
  return (await exchangeBytes(port, lines.join(''), Number.MAX_SAFE_INTEGER)).toString();
}
