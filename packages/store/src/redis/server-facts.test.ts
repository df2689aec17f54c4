import { startStore } from '@lamplighter/test-kit/store/store-under-test';
import { readServerFacts } from './server-facts.js';

it('reads the figures of a Redis server', async () => {
  const { redis } = await startStore();
  const before = await readServerFacts(redis);
  expect(before).toMatchObject({ maxMemoryBytes: 0, clients: 1, aofLastWriteOk: true });
  expect(before.usedMemoryBytes).toBeGreaterThan(100_000);
  await redis.config('SET', 'maxmemory', '64mb');
  await redis.set('{test}:key', 'x'.repeat(1000));
  const after = await readServerFacts(redis);
  expect(after.maxMemoryBytes).toBe(64 * 1024 * 1024);
  expect(after.commandsProcessed).toBeGreaterThan(before.commandsProcessed);
  expect(after.aofBytes).toBeGreaterThan(before.aofBytes);
}, 30_000);
