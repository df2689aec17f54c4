import { closeLater } from '@lamplighter/test-kit/resources';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { until } from '@lamplighter/test-kit/until';
import { Redis } from 'ioredis';
import { storeFailure } from './store-failure.js';

async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url, { enableOfflineQueue: false, commandTimeout: 200, lazyConnect: true });
  redis.on('error', () => {});
  closeLater('Redis client', () => redis.disconnect());
  await redis.connect();
  return redis;
}

const failureOf = async (call: () => Promise<unknown>) => {
  try {
    await call();
    return undefined;
  } catch (error) {
    return storeFailure(error) ?? error;
  }
};

it('classifies a frozen or killed Redis as unavailable', async () => {
  const server = await startRedis();
  const redis = await connect(server.url);
  server.pause();
  expect(await failureOf(() => redis.get('a'))).toBe('unavailable');
  await server.kill();
  await until(() => redis.status !== 'ready', { what: 'the client to detect it' });
  expect(await failureOf(() => redis.get('a'))).toBe('unavailable');
});

it('classifies a pipeline that is lost after its first reply as unavailable', async () => {
  const server = await startRedis();
  const [redis, other] = [await connect(server.url), await connect(server.url)];
  const id = await redis.client('ID');
  await redis.del('queue');
  const pipeline = redis.pipeline().set('a', 'b').blpop('queue', 0).get('a').exec();
  await until(async () => (await other.get('a')) === 'b', { what: 'the first reply' });
  await other.client('KILL', 'ID', id);
  const [first, ...lost] = (await pipeline)!;
  expect(first).toEqual([null, 'OK']);
  expect(lost.map(([error]) => storeFailure(error) ?? error)).toEqual(['unavailable', 'unavailable']);
});

it('recognizes rejected writes, even inside a function', async () => {
  const server = await startRedis({ settings: ['maxmemory 100kb'] });
  const redis = await connect(server.url);
  expect(await failureOf(() => redis.set('a', 'b'))).toBe('rejectingWrites');
  expect(await failureOf(() => redis.eval('return redis.call("SET", KEYS[1], "b")', 1, 'a'))).toBe(
    'rejectingWrites',
  );
});

it('does not classify errors of the caller', async () => {
  const server = await startRedis();
  const redis = await connect(server.url);
  expect(await failureOf(() => redis.eval('return nonsense', 0))).toBeInstanceOf(Error);
  expect(storeFailure(new TypeError('x is not a function'))).toBeUndefined();
  expect(storeFailure('text')).toBeUndefined();
});
