import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { API_KEYS_KEY, API_KEYS_USED_KEY } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { callFunction } from '../redis/functions.js';

/**
 * API keys have the form `lamp_<id>.<secret>`. The store holds the id, the SHA-256 of the secret, and when the key was created and last
 * used: `<id>` → `<hash>,<created (ms)>`; keys of earlier versions have no time. The secret is 256 random bits, so a fast hash is enough
 * (OWASP Password Storage: slow hashes are for passwords).
 */
const API_KEY = /^lamp_([0-9a-f]{12})[.]([A-Za-z0-9_-]{43})$/;

/** Creates a key and stores its hash. The key itself is returned only here. */
export async function createApiKey(redis: Redis): Promise<string> {
  const { id, key, hash } = newKey();
  await redis.hset(API_KEYS_KEY, id, `${hash},${await redisNow(redis)}`);
  return key;
}

/** Creates the first key; undefined if a key exists. Safe to call from several processes concurrently. */
export async function createFirstApiKey(redis: Redis): Promise<string | undefined> {
  const { key, hash } = newKey('000000000000');
  if ((await redis.hlen(API_KEYS_KEY)) > 0) return undefined;
  const stored = `${hash},${await redisNow(redis)}`;
  return (await redis.hsetnx(API_KEYS_KEY, '000000000000', stored)) === 1 ? key : undefined;
}

/** The id of a key and the hash of its secret; undefined if the text does not have the form of a key. */
export function parseApiKey(key: string): { id: string; hash: string } | undefined {
  const [, id, secret] = API_KEY.exec(key) ?? [];
  return id && secret ? { id, hash: sha256(secret) } : undefined;
}

/** The stored hash of a key; null if the key does not exist. */
export async function readApiKeyHash(redis: Redis, id: string): Promise<string | null> {
  return (await redis.hget(API_KEYS_KEY, id))?.split(',')[0] ?? null;
}

/** The public facts of a key. Times are milliseconds on the clock of Redis. */
export interface ApiKeyFacts {
  readonly id: string;
  /** Absent for keys of earlier versions. */
  readonly createdAt?: number;
  /** Exact to a minute; absent if the key was never used. */
  readonly lastUsedAt?: number;
}

/** Lists keys by id. @param after only ids after this one (the cursor) */
export async function listApiKeys(
  redis: Redis,
  { limit, after = '' }: { limit: number; after?: string },
): Promise<{ keys: ApiKeyFacts[]; next?: string }> {
  const [keys, used] = await Promise.all([redis.hgetall(API_KEYS_KEY), redis.hgetall(API_KEYS_USED_KEY)]);
  const ids = Object.keys(keys)
    .filter((id) => id > after)
    .sort();
  const page = ids.slice(0, limit).map((id) => {
    const [, createdAt] = keys[id]!.split(',');
    const lastUsedAt = used[id];
    return {
      id,
      ...(createdAt !== undefined && { createdAt: Number(createdAt) }),
      ...(lastUsedAt !== undefined && { lastUsedAt: Number(lastUsedAt) }),
    };
  });
  return ids.length > page.length ? { keys: page, next: page.at(-1)!.id } : { keys: page };
}

/** Records that a key is in use. */
export async function recordApiKeyUse(redis: Redis, id: string): Promise<void> {
  await redis.hset(API_KEYS_USED_KEY, id, await redisNow(redis));
}

/**
 * Revokes a key: no service accepts it 5 s later.
 * @param mayBeLast allows revoking the only key; the API then creates a first key when it next connects
 */
export async function revokeApiKey(
  redis: Redis,
  id: string,
  { mayBeLast = false } = {},
): Promise<'revoked' | 'missing' | 'last'> {
  const keys = [API_KEYS_KEY, API_KEYS_USED_KEY];
  return (await callFunction(redis, 'revokeApiKey-2', keys, [id, mayBeLast ? '1' : '0'])) as
    | 'revoked'
    | 'missing'
    | 'last';
}

function newKey(id = randomBytes(6).toString('hex')) {
  const secret = randomBytes(32).toString('base64url');
  return { id, key: `lamp_${id}.${secret}`, hash: sha256(secret) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
