import { Redis } from 'ioredis';
import { closeLater } from '../resources.js';
import { startRedis } from './redis.js';

function client(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: null });
  redis.on('error', () => {});
  closeLater('Redis client', () => redis.disconnect());
  return redis;
}

it('is durable, never evicts, and keeps confirmed writes across a crash', async () => {
  const server = await startRedis();
  const before = client(server.url);
  expect(await before.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  expect(await before.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
  expect(await before.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  await before.set('light', '299');
  await server.kill();
  await server.start();
  expect(await client(server.url).get('light')).toBe('299');
});

it('requires its password', async () => {
  const server = await startRedis();
  await expect(client(`redis://127.0.0.1:${server.port}`).get('light')).rejects.toThrow(/NOAUTH/);
});

it('applies the settings of a test after its own', async () => {
  const server = await startRedis({ settings: ['appendonly no', 'maxmemory-policy allkeys-lru'] });
  expect(await client(server.url).config('GET', 'appendonly')).toEqual(['appendonly', 'no']);
});
