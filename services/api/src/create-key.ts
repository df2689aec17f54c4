import { readConfig, redisUrl } from '@lamplighter/service-kit/config';
import {
  createApiKey,
  createFirstApiKey,
  listApiKeys,
  revokeApiKey,
} from '@lamplighter/store/access/api-keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { z } from 'zod';

/**
 * Creates, lists and revokes API keys. Prints only the new key to stdout; the store keeps only its hash. `--first` creates a key
 * only if there is none. Exit code 1: nothing was done, and stderr has the reason.
 */
const USAGE = 'usage: REDIS_URL=redis://… node create-key.js [--first | --list | --revoke ID [--allow-last]]';
const CONNECT_MS = 5000;

interface Request {
  readonly action: 'create' | 'first' | 'list' | 'revoke';
  readonly id: string;
  readonly mayBeLast: boolean;
}

/** @throws Error if the arguments do not match `USAGE` */
function readArguments(args: readonly string[]): Request {
  const [flag, id = '', last, ...rest] = args;
  const mayBeLast = last === '--allow-last';
  if (flag === undefined) return { action: 'create', id, mayBeLast };
  if (args.length === 1 && flag === '--first') return { action: 'first', id, mayBeLast };
  if (args.length === 1 && flag === '--list') return { action: 'list', id, mayBeLast };
  if (flag === '--revoke' && id !== '' && rest.length === 0 && (last === undefined || mayBeLast))
    return { action: 'revoke', id, mayBeLast };
  throw new Error(`invalid arguments: ${args.join(' ')}\n${USAGE}`);
}

async function main(request: Request): Promise<void> {
  const { REDIS_URL } = readConfig(z.object({ REDIS_URL: redisUrl }));
  const redis = await connect(REDIS_URL);
  try {
    if (request.action === 'list') await list(redis);
    else if (request.action === 'revoke') await revoke(redis, request);
    else {
      const key = await (request.action === 'first' ? createFirstApiKey(redis) : createApiKey(redis));
      if (key !== undefined) process.stdout.write(`${key}\n`);
    }
  } finally {
    redis.disconnect();
  }
}

async function list(redis: Redis): Promise<void> {
  const { keys } = await listApiKeys(redis, { limit: Number.MAX_SAFE_INTEGER });
  const time = (ms: number | undefined, none: string) =>
    ms === undefined ? none : new Date(ms).toISOString();
  for (const { id, createdAt, lastUsedAt } of keys)
    process.stdout.write(
      `${id}  created ${time(createdAt, 'unknown')}  last used ${time(lastUsedAt, 'never')}\n`,
    );
}

async function revoke(redis: Redis, { id, mayBeLast }: Request): Promise<void> {
  const outcome = await revokeApiKey(redis, id, { mayBeLast });
  if (outcome === 'missing') throw new Error(`API key ${id} does not exist; run with --list to see all keys`);
  if (outcome === 'last')
    throw new Error('cannot revoke the only API key; create another one first, or add --allow-last');
  process.stdout.write(`revoked ${id}\n`);
}

function connect(url: string): Promise<Redis> {
  return new Promise((resolve, reject) => {
    let reason = 'no reply';
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
      reject(new Error(`cannot reach Redis: ${reason}; start it, or correct REDIS_URL`));
    }, CONNECT_MS);
  });
}

try {
  await main(readArguments(process.argv.slice(2)));
  // eslint-disable-next-line no-restricted-syntax -- the command reports every failure to its user
} catch (error) {
  console.error(`create-key: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
