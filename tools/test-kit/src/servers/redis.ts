import { startRedis as startServer } from '@lamplighter/native/servers/redis';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { Redis } from 'ioredis';
import { temporaryFolder } from '../folder.js';
import { closeLater } from '../resources.js';
import { freePort } from './free-port.js';
import { type Restartable, restartable } from './restartable.js';

/** A real Redis with the project's settings. */
export interface TestRedis extends Restartable {
  /** URL of the account with all rights, for the checks of tests. */
  readonly url: string;
  /** URLs of the accounts that the services have. */
  readonly rulesUrl: string;
  readonly apiUrl: string;
}

/**
 * Starts a Redis for this test (or this file). `settings` are more lines of redis.conf, such as `appendonly no`. The test fails if Redis
 * refused a service a command, key or channel, unless `refusals` are expected.
 */
export async function startRedis({
  refusals = 'unexpected',
  ...options
}: {
  settings?: string[];
  refusals?: 'expected' | 'unexpected';
} = {}): Promise<TestRedis> {
  const folder = temporaryFolder();
  const port = await freePort();
  const accounts = { admin: generateSecret(), rules: generateSecret(), api: generateSecret() };
  const redis = await restartable(() => startServer({ folder, port, accounts, ...options }));
  const { url, urlFor } = redis.server();
  if (refusals === 'unexpected') closeLater('accounts of Redis', () => expectNoRefusal(redis, url));
  return Object.assign(redis, { url, rulesUrl: urlFor('rules'), apiUrl: urlFor('api') });
}

/** Other accounts are those of tests. */
const SERVICES = /^(rules|api)-/;

/** More than a busy Redis takes to reply; one that the test has frozen or filled is not asked. */
const REPLY_MS = 2000;

/** The account of every service has the rights that it uses. @throws with the commands it was denied */
async function expectNoRefusal(server: Restartable, url: string): Promise<void> {
  if (!server.running) return;
  const redis = new Redis(url, {
    retryStrategy: null,
    connectTimeout: REPLY_MS,
    commandTimeout: REPLY_MS,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  const log = await redis.call('ACL', 'LOG').catch(() => []);
  redis.disconnect();
  const refused = (log as (string | number)[][])
    .map((fields) => new Map(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]]] : []))))
    .filter((entry) => SERVICES.test(String(entry.get('username'))) && entry.get('reason') !== 'auth');
  if (refused.length === 0) return;
  const lines = refused.map((entry) =>
    ['username', 'reason', 'object'].map((name) => entry.get(name)).join(' '),
  );
  throw new Error(
    `Redis refused services (account, reason, object): ${lines.join('; ')}; correct redis/users`,
  );
}
