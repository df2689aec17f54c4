import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { API_KEYS_KEY } from './keys.js';

/**
 * API keys look like `lamp_<id>.<secret>`. The store keeps `<id>` and the SHA-256 of the secret, nothing else:
 * the secret is 256 random bits, so a fast hash is enough (OWASP Password Storage: slow hashes are for passwords).
 */
const API_KEY = /^lamp_([0-9a-f]{12})[.]([A-Za-z0-9_-]{43})$/;

/** Makes a key and keeps its hash. The key is returned once and can never be read again. */
export async function createApiKey(redis: Redis): Promise<string> {
  const { id, key, hash } = newKey();
  await redis.hset(API_KEYS_KEY, id, hash);
  return key;
}

/** Makes the first key; undefined if there is one already. Safe to call from several processes at once. */
export async function createFirstApiKey(redis: Redis): Promise<string | undefined> {
  const { key, hash } = newKey('000000000000');
  if ((await redis.hlen(API_KEYS_KEY)) > 0) return undefined;
  return (await redis.hsetnx(API_KEYS_KEY, '000000000000', hash)) === 1 ? key : undefined;
}

/** The id of a key and the hash under which it must be kept; undefined if it is not the form of a key. */
export function parseApiKey(key: string): { id: string; hash: string } | undefined {
  const [, id, secret] = API_KEY.exec(key) ?? [];
  return id && secret ? { id, hash: sha256(secret) } : undefined;
}

/** The hash that is kept for a key id; null if there is none. */
export function readApiKeyHash(redis: Redis, id: string): Promise<string | null> {
  return redis.hget(API_KEYS_KEY, id);
}

function newKey(id = randomBytes(6).toString('hex')) {
  const secret = randomBytes(32).toString('base64url');
  return { id, key: `lamp_${id}.${secret}`, hash: sha256(secret) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
