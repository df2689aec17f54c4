import { type StoreUnderTest, startStore } from '@lamplighter/test-kit/store/store-under-test';
import { API_KEYS_KEY } from '../keys.js';
import {
  createApiKey,
  createFirstApiKey,
  listApiKeys,
  parseApiKey,
  readApiKeyHash,
  recordApiKeyUse,
  revokeApiKey,
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
  return parsed !== undefined && (await readApiKeyHash(store.redis, parsed.id)) === parsed.hash;
}

it('a created key is known, and a different one is not', async () => {
  const key = await createApiKey(store.redis);
  const last = key.endsWith('A') ? 'B' : 'A';
  expect([await isKnown(key), await isKnown(`${key.slice(0, -1)}${last}`)]).toEqual([true, false]);
  expect(await isKnown(`lamp_${'f'.repeat(12)}.${key.split('.')[1]}`)).toBe(false);
});

it('each key has its own id and secret', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => createApiKey(store.redis)));
  expect(new Set(keys.map((key) => parseApiKey(key)!.id)).size).toBe(20);
  expect(new Set(keys.map((key) => parseApiKey(key)!.hash)).size).toBe(20);
  for (const key of keys) expect(key).toMatch(/^lamp_[0-9a-f]{12}[.][\w-]{43}$/);
});

it('only the hash of the secret is stored', async () => {
  const key = await createApiKey(store.redis);
  const stored = JSON.stringify(await store.redis.hgetall(API_KEYS_KEY));
  expect(stored).not.toContain(key.split('.')[1]!);
  expect(stored).toContain(parseApiKey(key)!.hash);
});

it('keys are listed by id with their times, in pages and without hashes', async () => {
  const before = Date.now() - 1000;
  const ids = (await Promise.all(Array.from({ length: 3 }, () => createApiKey(store.redis))))
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
  expect(rest.keys).toEqual([{ id: ids[2], createdAt: expect.any(Number) }, { id: 'ffffffffffff' }]);
});

it('a revoked key is unknown; the last one is revoked only with mayBeLast', async () => {
  const [one, other] = [await createApiKey(store.redis), await createApiKey(store.redis)];
  const { id } = parseApiKey(one)!;
  expect(await revokeApiKey(store.redis, id)).toBe('revoked');
  expect([await isKnown(one), await isKnown(other)]).toEqual([false, true]);
  expect(await revokeApiKey(store.redis, id)).toBe('missing');
  const last = parseApiKey(other)!.id;
  expect(await revokeApiKey(store.redis, last)).toBe('last');
  expect(await revokeApiKey(store.redis, last, { mayBeLast: true })).toBe('revoked');
  expect(await listApiKeys(store.redis, { limit: 10 })).toEqual({ keys: [] });
});

describe('the first key', () => {
  it('is created once, even if many processes start concurrently', async () => {
    const created = await Promise.all(Array.from({ length: 20 }, () => createFirstApiKey(store.redis)));
    const keys = created.filter((key) => key !== undefined);
    expect(keys).toHaveLength(1);
    expect(await isKnown(keys[0]!)).toBe(true);
  });

  it('is not created if there is a key', async () => {
    await createApiKey(store.redis);
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
