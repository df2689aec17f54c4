import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { API_KEYS_KEY } from '../keys.js';
import { hasScope, MAX_API_KEYS, SCOPES } from './api-key.js';
import {
  createApiKey,
  createFirstApiKey,
  listApiKeys,
  type NewApiKey,
  parseApiKey,
  readApiKey,
  recordApiKeyUse,
  revokeApiKey,
  TooManyApiKeys,
} from './api-keys.js';

let store: StoreUnderTest;
beforeAll(async () => {
  store = await startStore();
});
beforeEach(async () => {
  await store.redis.flushall();
});

/** What the API does with a key in a request. */
async function isKnown(key: string): Promise<boolean> {
  const parsed = parseApiKey(key);
  return parsed !== undefined && (await readApiKey(store.redis, parsed.id))?.hash === parsed.hash;
}

const newKey = async (options?: NewApiKey) => (await createApiKey(store.redis, options)).key;

it('a created key is known, and a different one is not', async () => {
  const key = await newKey();
  const last = key.endsWith('A') ? 'B' : 'A';
  expect([await isKnown(key), await isKnown(`${key.slice(0, -1)}${last}`)]).toEqual([true, false]);
  expect(await isKnown(`lamp_${'f'.repeat(12)}.${key.split('.')[1]}`)).toBe(false);
});

it('each key has its own id and secret', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => newKey()));
  expect(new Set(keys.map((key) => parseApiKey(key)!.id)).size).toBe(20);
  expect(new Set(keys.map((key) => parseApiKey(key)!.hash)).size).toBe(20);
  for (const key of keys) expect(key).toMatch(/^lamp_[0-9a-f]{12}[.][\w-]{43}$/);
});

it('only the hash of the secret is stored', async () => {
  const key = await newKey();
  const stored = JSON.stringify(await store.redis.hgetall(API_KEYS_KEY));
  expect(stored).not.toContain(key.split('.')[1]!);
  expect(stored).toContain(parseApiKey(key)!.hash);
});

it('keys are listed by id with their times, in pages and without hashes', async () => {
  const before = Date.now() - 1000;
  const ids = (await Promise.all(Array.from({ length: 3 }, () => newKey())))
    .map((key) => parseApiKey(key)!.id)
    .sort();
  await recordApiKeyUse(store.redis, ids[1]!);
  await store.redis.hset(API_KEYS_KEY, 'ffffffffffff', 'f'.repeat(64)); // of an earlier version
  const first = await listApiKeys(store.redis, { limit: 2 });
  expect(first).toMatchObject({ keys: [{ id: ids[0] }, { id: ids[1] }], next: ids[1] });
  expect(first.keys[0]!.createdAt).toBeGreaterThan(before);
  expect(first.keys[0]!.lastUsedAt).toBeUndefined();
  expect(first.keys[1]!.lastUsedAt).toBeGreaterThan(before);
  const rest = await listApiKeys(store.redis, { limit: 2, after: ids[1]! });
  expect(rest.keys).toEqual([
    { id: ids[2], scopes: ['admin'], createdAt: expect.any(Number) },
    { id: 'ffffffffffff', scopes: ['admin'] },
  ]);
});

it('a revoked key is unknown; the last one is revoked only with mayBeLast', async () => {
  const [one, other] = [await newKey(), await newKey()];
  const { id } = parseApiKey(one)!;
  expect(await revokeApiKey(store.redis, id)).toBe('revoked');
  expect([await isKnown(one), await isKnown(other)]).toEqual([false, true]);
  expect(await revokeApiKey(store.redis, id)).toBe('missing');
  const last = parseApiKey(other)!.id;
  expect(await revokeApiKey(store.redis, last)).toBe('last');
  expect(await revokeApiKey(store.redis, last, { mayBeLast: true })).toBe('revoked');
  expect(await listApiKeys(store.redis, { limit: 10 })).toEqual({ keys: [] });
});

it('keys of earlier versions keep working, and allow everything', async () => {
  const key = await newKey();
  const { id, hash } = parseApiKey(key)!;
  for (const stored of [hash, `${hash},1795348800000`]) {
    await store.redis.hset(API_KEYS_KEY, id, stored);
    const found = await readApiKey(store.redis, id);
    expect(found).toMatchObject({ hash, key: { scopes: ['admin'] }, validMs: Number.POSITIVE_INFINITY });
    expect(SCOPES.every((scope) => hasScope(found!.key, scope))).toBe(true);
  }
  await store.redis.hset(API_KEYS_KEY, id, '{"hash":');
  expect(await readApiKey(store.redis, id)).toMatchObject({ hash: '', key: { scopes: [] } });
});

it('a key has only its scopes, its fleets and its time', async () => {
  const created = await createApiKey(store.redis, {
    name: 'dashboard',
    scopes: ['read', 'command', 'read'],
    fleets: ['demo'],
    validMs: 60_000,
  });
  const { key, validMs } = (await readApiKey(store.redis, created.id))!;
  expect(key).toEqual({
    id: created.id,
    name: 'dashboard',
    scopes: ['read', 'command'],
    fleets: ['demo'],
    createdAt: expect.any(Number),
    expiresAt: key.createdAt! + 60_000,
  });
  expect(SCOPES.filter((scope) => hasScope(key, scope))).toEqual(['read', 'command']);
  expect(validMs).toBeGreaterThan(50_000);
  const expired = await createApiKey(store.redis, { validMs: -1 });
  expect((await readApiKey(store.redis, expired.id))!.validMs).toBeLessThan(0);
});

it('the last valid key that may create others is kept', async () => {
  const admin = parseApiKey(await newKey())!.id;
  await newKey({ scopes: ['read', 'command', 'rules', 'devices'] });
  await newKey({ validMs: -1 });
  expect(await revokeApiKey(store.redis, admin)).toBe('last');
  await newKey({ validMs: 60_000 });
  expect(await revokeApiKey(store.redis, admin)).toBe('revoked');
});

it('rejects more keys than the limit', async () => {
  const records = Array.from({ length: MAX_API_KEYS }, (_, i) => [`${i}`.padStart(12, '0'), 'f'.repeat(64)]);
  await store.redis.hset(API_KEYS_KEY, ...records.flat());
  await expect(createApiKey(store.redis)).rejects.toBeInstanceOf(TooManyApiKeys);
});

describe('the first key', () => {
  it('is created once, even if many processes start concurrently', async () => {
    const created = await Promise.all(Array.from({ length: 20 }, () => createFirstApiKey(store.redis)));
    const keys = created.filter((key) => key !== undefined);
    expect(keys).toHaveLength(1);
    expect(await isKnown(keys[0]!)).toBe(true);
  });

  it('is not created if there is a key', async () => {
    await newKey();
    expect(await createFirstApiKey(store.redis)).toBeUndefined();
    expect(await store.redis.hlen(API_KEYS_KEY)).toBe(1);
  });
});

it.each([
  '',
  'lamp_',
  'lamp_000000000000',
  `lamp_000000000000.${'x'.repeat(42)}`,
  `lamp_000000000000.${'x'.repeat(44)}`,
  `lamp_00000000000g.${'x'.repeat(43)}`,
  `LAMP_000000000000.${'x'.repeat(43)}`,
  ` lamp_000000000000.${'x'.repeat(43)}`,
  `lamp_000000000000.${'x'.repeat(43)}\n`,
  `lamp_000000000000.${'x'.repeat(42)}+`,
  '__proto__',
  'x'.repeat(100_000),
])('%.60j does not have the form of a key', (text) => {
  expect(parseApiKey(text)).toBeUndefined();
});
