import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../process/child.js';
import { exchangeBytes, type Server, untilServing } from '../process/serving.js';
import { REPOSITORY } from '../state/repository.js';
import { writePrivate } from '../state/secrets.js';
import { requireBinary } from './binaries.js';

export interface RedisOptions {
  /** Folder of the generated configuration and the data. */
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  /** More lines for redis.conf, after those of the repository. */
  readonly settings?: readonly string[];
  readonly logFile?: string;
}

/** A large append-only file takes long to load. */
const LOADING_MS = 120_000;

/**
 * Starts Redis on loopback with the repository's settings; resolves when its data is loaded.
 * @throws BinaryMissing, ServerFailed
 */
export async function startRedis({
  folder,
  port,
  password,
  settings = [],
  logFile,
}: RedisOptions): Promise<Server> {
  const data = join(folder, 'data');
  const configuration = join(folder, 'redis.conf');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const lines = [
    '# Generated at each start; change redis/redis.conf in the repository instead.',
    `include "${join(REPOSITORY, 'redis/redis.conf')}"`,
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
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
    const reply = (await exchangeBytes(port, `AUTH ${password}\r\nPING\r\n`, expected.length)).toString();
    return reply === expected || reply.trim();
  };
  await untilServing(child, probe, LOADING_MS);
  return Object.assign(child, { port, url: `redis://:${password}@127.0.0.1:${port}` });
}
