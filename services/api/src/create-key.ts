import { readConfig, redisUrl } from '@lamplighter/service-kit/config';
import { createApiKey, createFirstApiKey } from '@lamplighter/store/api-keys';
import { connectRedis, type Redis } from '@lamplighter/store/connect';
import { z } from 'zod';

/**
 * Creates an API key and prints it, and nothing else, on stdout; the store keeps only its hash.
 * With `--first` it does so only if there is no key yet. Exit code 1: no key was created, stderr says why.
 */
const USAGE = 'usage: REDIS_URL=redis://… node create-key.js [--first]';
const CONNECT_MS = 5000;

async function main(flags: string[]): Promise<void> {
  if (flags.some((flag) => flag !== '--first'))
    throw new Error(`unknown argument ${flags.join(' ')}\n${USAGE}`);
  const { REDIS_URL } = readConfig(z.object({ REDIS_URL: redisUrl }));
  const redis = await connect(REDIS_URL);
  try {
    const key = await (flags.length > 0 ? createFirstApiKey(redis) : createApiKey(redis));
    if (key !== undefined) process.stdout.write(`${key}\n`);
  } finally {
    redis.disconnect();
  }
}

function connect(url: string): Promise<Redis> {
  return new Promise((resolve, reject) => {
    let reason = 'no answer';
    const redis = connectRedis(url, 'create-key', {
      onUp: () => {
        clearTimeout(timer);
        resolve(redis);
      },
      onDown: (why) => {
        reason = why;
      },
    });
    const timer = setTimeout(() => {
      redis.disconnect();
      reject(new Error(`Redis is away: ${reason}; start it, or correct REDIS_URL`));
    }, CONNECT_MS);
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`create-key: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
