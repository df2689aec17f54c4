import { parseArgs } from 'node:util';
import { certificates, readConfig, redisUrl } from '@lamplighter/service-kit/config';
import {
  createApiKey,
  createConsoleApiKey,
  createFirstApiKey,
  listApiKeys,
  revokeApiKey,
} from '@lamplighter/store/access/api-keys';
import { connectRedis, type Redis } from '@lamplighter/store/redis/connect';
import { z } from 'zod';
import { type NewApiKeyBody, newApiKeySchema, requestedKey } from './access/key.schema.js';
import { fieldErrors } from './requests/validation.pipe.js';

/**
 * Creates, lists and revokes API keys. Prints only the new key to stdout; the store keeps only its hash. `--first` creates a key
 * only if there is none; `--console` replaces the key of the console's sign-in link. Exit code 1: nothing was done, and stderr has the reason.
 */
const USAGE = `usage: REDIS_URL=redis://… node create-key.js [--first | --console | --list | --revoke ID [--allow-last]]
       … create-key.js [--name NAME] [--scopes read,command] [--fleets demo,plant] [--expires 90d]`;
const CONNECT_MS = 5000;

type Request =
  | { readonly action: 'create'; readonly body: NewApiKeyBody }
  | { readonly action: 'first' }
  | { readonly action: 'console' }
  | { readonly action: 'list' }
  | { readonly action: 'revoke'; readonly id: string; readonly mayBeLast: boolean };

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  first: flag,
  console: flag,
  list: flag,
  revoke: text,
  'allow-last': flag,
  name: text,
  scopes: text,
  fleets: text,
  expires: text,
} as const;

/** @throws Error if the arguments do not match `USAGE` */
function readArguments(args: string[]): Request {
  const given = parse(args);
  const names = Object.keys(given).sort().join();
  if (names === 'first' || names === 'console' || names === 'list') return { action: names };
  if (given.revoke !== undefined && (names === 'revoke' || names === 'allow-last,revoke'))
    return { action: 'revoke', id: given.revoke, mayBeLast: given['allow-last'] === true };
  if (given.first || given.console || given.list || given.revoke !== undefined || given['allow-last'])
    throw new Error(`these arguments do not belong together: ${args.join(' ')}\n${USAGE}`);
  const { name, scopes = 'admin', fleets, expires } = given;
  const body = {
    ...(name !== undefined && { name }),
    scopes: scopes.split(','),
    ...(fleets !== undefined && { fleets: fleets.split(',') }),
    ...(expires !== undefined && { expiresIn: expires }),
  };
  const parsed = newApiKeySchema.safeParse(body);
  if (parsed.success) return { action: 'create', body: parsed.data };
  const [error] = fieldErrors('body', newApiKeySchema, body);
  const option = error!.pointer.split('/')[1]!.replace('expiresIn', 'expires');
  throw new Error(`--${option} ${error!.detail}\n${USAGE}`);
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
    // eslint-disable-next-line no-restricted-syntax -- every error of parseArgs is about the arguments
  } catch {
    throw new Error(`invalid arguments: ${args.join(' ')}\n${USAGE}`);
  }
}

async function main(request: Request): Promise<void> {
  const { REDIS_URL, REDIS_CA } = readConfig(
    z.object({ REDIS_URL: redisUrl, REDIS_CA: certificates.optional() }),
  );
  const redis = await connect(REDIS_URL, REDIS_CA);
  try {
    if (request.action === 'list') await list(redis);
    else if (request.action === 'revoke') await revoke(redis, request);
    else {
      const key = await create(redis, request);
      if (key !== undefined) process.stdout.write(`${key}\n`);
    }
  } finally {
    redis.disconnect();
  }
}

async function create(
  redis: Redis,
  request: Extract<Request, { action: 'create' | 'first' | 'console' }>,
): Promise<string | undefined> {
  if (request.action === 'create') return (await createApiKey(redis, requestedKey(request.body))).key;
  return request.action === 'first' ? createFirstApiKey(redis) : createConsoleApiKey(redis);
}

async function list(redis: Redis): Promise<void> {
  const { keys } = await listApiKeys(redis, { limit: Number.MAX_SAFE_INTEGER });
  const time = (ms: number | undefined, none: string) =>
    ms === undefined ? none : new Date(ms).toISOString();
  for (const { id, name, scopes, fleets, createdAt, lastUsedAt, expiresAt } of keys)
    process.stdout.write(
      `${[
        id,
        scopes.join(','),
        `created ${time(createdAt, 'unknown')}`,
        `last used ${time(lastUsedAt, 'never')}`,
        ...(fleets === undefined ? [] : [`fleets ${fleets.join(',')}`]),
        ...(expiresAt === undefined ? [] : [`expires ${time(expiresAt, '')}`]),
        ...(name === undefined ? [] : [JSON.stringify(name)]),
      ].join('  ')}\n`,
    );
}

async function revoke(redis: Redis, { id, mayBeLast }: { id: string; mayBeLast: boolean }): Promise<void> {
  const outcome = await revokeApiKey(redis, id, { mayBeLast });
  if (outcome === 'missing') throw new Error(`API key ${id} does not exist; run with --list to see all keys`);
  if (outcome === 'last')
    throw new Error(
      'cannot revoke the last valid API key with scope admin; create another one first, or add --allow-last',
    );
  process.stdout.write(`revoked ${id}\n`);
}

function connect(url: string, ca: string | undefined): Promise<Redis> {
  return new Promise((resolve, reject) => {
    let reason = 'no reply';
    const redis = connectRedis(url, 'create-key', {
      ca,
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
