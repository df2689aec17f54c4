import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { API_KEYS_KEY, API_KEYS_USED_KEY } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { callFunction } from '../redis/functions.js';
import { type ApiKey, type ApiKeyRecord, MAX_API_KEYS, parseRecord, type Scope } from './api-key.js';

/**
 * API keys have the form `lamp_<id>.<secret>`. The store holds the SHA-256 of the secret with the facts of the key: `<id>` → JSON (see
 * api-key.ts). The secret is 256 random bits, so a fast hash is enough (OWASP Password Storage: slow hashes are for passwords).
 */
const API_KEY = /^lamp_([0-9a-f]{12})[.]([A-Za-z0-9_-]{43})$/;
/** The id of the first key, so that only one process can create it. */
const FIRST_ID = '000000000000';
/** The id of the key in the console's sign-in link. */
const CONSOLE_ID = 'c00c00c00c00';

/** What a new key allows. */
export interface NewApiKey {
  readonly name?: string | undefined;
  /** Default: `admin`. */
  readonly scopes?: readonly Scope[] | undefined;
  readonly fleets?: readonly string[] | undefined;
  /** How long it is valid, milliseconds; default: without limit. */
  readonly validMs?: number | undefined;
}

/** The installation has `MAX_API_KEYS` keys. */
export class TooManyApiKeys extends Error {
  override readonly name = 'TooManyApiKeys';
}

/** A new key, with its secret, which only the creator sees. */
export interface CreatedApiKey extends ApiKey {
  readonly key: string;
}

/** Creates a key and stores its hash. @throws TooManyApiKeys */
export async function createApiKey(redis: Redis, options: NewApiKey = {}): Promise<CreatedApiKey> {
  if ((await redis.hlen(API_KEYS_KEY)) >= MAX_API_KEYS)
    throw new TooManyApiKeys(`there are ${MAX_API_KEYS} API keys already; revoke some first`);
  const { record, ...created } = newKey(await redisNow(redis), options);
  await redis.hset(API_KEYS_KEY, created.id, JSON.stringify(record));
  return created;
}

/** Creates the first key, which allows everything; undefined if a key exists. Safe to call from several processes concurrently. */
export async function createFirstApiKey(redis: Redis): Promise<string | undefined> {
  const { record, key } = newKey(await redisNow(redis), { name: 'first key' }, FIRST_ID);
  if (await hasApiKeys(redis)) return undefined;
  return (await redis.hsetnx(API_KEYS_KEY, FIRST_ID, JSON.stringify(record))) === 1 ? key : undefined;
}

export async function hasApiKeys(redis: Redis): Promise<boolean> {
  return (await redis.hlen(API_KEYS_KEY)) > 0;
}

/** Creates the key for the console's sign-in link. It replaces that of the previous link, so keys do not accumulate. */
export async function createConsoleApiKey(redis: Redis): Promise<string> {
  const { record, key } = newKey(await redisNow(redis), { name: 'console link of npm start' }, CONSOLE_ID);
  await redis.hset(API_KEYS_KEY, CONSOLE_ID, JSON.stringify(record));
  return key;
}

/** The id of a key and the hash of its secret; undefined if the text does not have the form of a key. */
export function parseApiKey(key: string): { id: string; hash: string } | undefined {
  const [, id, secret] = API_KEY.exec(key) ?? [];
  return id && secret ? { id, hash: sha256(secret) } : undefined;
}

/** A stored key, the hash of its secret, and its remaining validity, milliseconds; undefined if it does not exist. */
export async function readApiKey(
  redis: Redis,
  id: string,
): Promise<{ hash: string; key: ApiKey; validMs: number } | undefined> {
  const text = await redis.hget(API_KEYS_KEY, id);
  if (text === null) return undefined;
  const { hash, key } = parseRecord(id, text);
  const { expiresAt } = key;
  const validMs = expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - (await redisNow(redis));
  return { hash, key, validMs };
}

/** A key in a list. */
export interface ListedApiKey extends ApiKey {
  /** Exact to a minute; absent if the key was never used. */
  readonly lastUsedAt?: number;
}

/** Lists keys by id. @param after only ids after this one (the cursor) */
export async function listApiKeys(
  redis: Redis,
  { limit, after = '' }: { limit: number; after?: string },
): Promise<{ keys: ListedApiKey[]; next?: string }> {
  const [keys, used] = await Promise.all([redis.hgetall(API_KEYS_KEY), redis.hgetall(API_KEYS_USED_KEY)]);
  const ids = Object.keys(keys)
    .filter((id) => id > after)
    .sort();
  const page = ids.slice(0, limit).map((id) => {
    const lastUsedAt = used[id];
    const { key } = parseRecord(id, keys[id]!);
    return { ...key, ...(lastUsedAt !== undefined && { lastUsedAt: Number(lastUsedAt) }) };
  });
  return ids.length > page.length ? { keys: page, next: page.at(-1)!.id } : { keys: page };
}

/** Records that a key is in use. */
export async function recordApiKeyUse(redis: Redis, id: string): Promise<void> {
  await redis.hset(API_KEYS_USED_KEY, id, await redisNow(redis));
}

/**
 * Revokes a key: no service accepts it 5 s later.
 * @param mayBeLast allows revoking the last valid key with scope `admin`
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

function newKey(
  createdAt: number,
  { name, scopes = ['admin'], fleets, validMs }: NewApiKey,
  id = randomBytes(6).toString('hex'),
): CreatedApiKey & { record: ApiKeyRecord } {
  const secret = randomBytes(32).toString('base64url');
  const facts = {
    ...(name !== undefined && { name }),
    scopes: [...new Set(scopes)],
    ...(fleets !== undefined && { fleets: [...new Set(fleets)] }),
    createdAt,
    ...(validMs !== undefined && { expiresAt: createdAt + validMs }),
  };
  return { id, ...facts, key: `lamp_${id}.${secret}`, record: { hash: sha256(secret), ...facts } };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
