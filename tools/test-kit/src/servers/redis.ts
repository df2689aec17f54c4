import { startRedis as startServer } from '@lamplighter/native/servers/redis';
import { generateSecret } from '@lamplighter/native/state/secrets';
import { temporaryFolder } from '../folder.js';
import { freePort } from './free-port.js';
import { type Restartable, restartable } from './restartable.js';

/** A real Redis with the project's settings. */
export interface TestRedis extends Restartable {
  /** URL with the password. */
  readonly url: string;
}

/** Starts a Redis for this test (or this file). `settings` are more lines of redis.conf, such as `appendonly no`. */
export async function startRedis(options: { settings?: string[] } = {}): Promise<TestRedis> {
  const folder = temporaryFolder();
  const port = await freePort();
  const password = generateSecret();
  const redis = await restartable(() => startServer({ folder, port, password, ...options }));
  return Object.assign(redis, { url: redis.server().url });
}
