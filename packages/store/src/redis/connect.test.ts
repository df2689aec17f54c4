import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import { connected } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { DeviceQueue } from '../../test/device-queue.js';
import { DeviceAddress } from '../devices/device-address.js';
import { readDevice } from '../devices/devices.js';
import { SHARD_COUNT_KEY, SHARDS } from '../keys.js';
import {
  type ConnectionSettings,
  connectRedis,
  durabilityProblems,
  type Redis,
  redisNow,
} from './connect.js';

/** How long a call may take to fail while Redis is unavailable, milliseconds. */
const FAILS_WITHIN_MS = 500;
/** The same when the client must first detect that Redis was killed; far less than the timeout of a call. */
const DETECTED_WITHIN_MS = 1000;

/** The result or the error of a call, and its duration. */
async function outcome(call: Promise<unknown>): Promise<{ result: string; tookMs: number }> {
  const tookMs = stopwatch();
  const result = await call.then(String, (error: Error) => `failed: ${error.message}`);
  return { result, tookMs: tookMs() };
}

/** A connection, and the log of its state changes. */
function watched(url: string, settings: ConnectionSettings = {}): { redis: Redis; log: string[] } {
  const log: string[] = [];
  const redis = connectRedis(url, 'test', {
    ...settings,
    onUp: () => log.push('up'),
    onDown: (why) => log.push(`down: ${why}`),
  });
  closeLater('Redis client', () => redis.disconnect());
  return { redis, log };
}
const waitUntilUp = (log: string[]) =>
  until(() => log.at(-1) === 'up', { what: 'the connection', timeoutMs: 15_000 });

const lamp = new DeviceAddress('demo', 'lamp-0001', false);
const accept = (redis: Redis) => new Replica(redis).accept(lamp, [reading({ light: 1 })]);

describe('while Redis is unavailable', () => {
  it.each<[what: string, call: (redis: Redis) => Promise<unknown>]>([
    ['a plain call', (redis) => redis.get('x')],
    ['one function', accept],
    ['functions in one round trip', (redis) => new DeviceQueue(redis, lamp).claims()],
    ['a read of many keys', (redis) => readDevice(redis, 'demo', 'lamp-0001')],
    ['the durability check', durabilityProblems],
  ])('%s fails immediately', async (_what, call) => {
    const { redis } = watched(`redis://127.0.0.1:${await freePort()}`);
    const { result, tookMs } = await outcome(call(redis));
    expect(result).toMatch(/^failed: /);
    expect(tookMs).toBeLessThan(FAILS_WITHIN_MS);
  });

  it('reports the failure once, regardless of the number of attempts', async () => {
    const { redis, log } = watched(`redis://127.0.0.1:${await freePort()}`);
    let attempts = 0;
    redis.on('reconnecting', () => {
      attempts += 1;
    });
    await until(() => attempts >= 3, { what: 'three connection attempts' });
    expect(log).toEqual([expect.stringContaining('ECONNREFUSED')]);
  });
});

it('a call times out while Redis is frozen, and the connection recovers afterwards', async () => {
  const server = await startRedis();
  const { redis, log } = watched(server.url, { commandTimeoutMs: 200 });
  await waitUntilUp(log);
  server.pause();
  const { result, tookMs } = await outcome(accept(redis));
  expect(result).toMatch(/^failed: .*timed out/);
  expect(tookMs).toBeLessThan(DETECTED_WITHIN_MS);
  server.resume();
  await until(() => accept(redis), { what: 'a reply' });
});

describe('when Redis is killed', () => {
  it('calls without a reply fail before their timeout', async () => {
    const server = await startRedis();
    const redis = await connected(server.url);
    server.pause();
    const calls = [accept(redis), redis.get('x'), new DeviceQueue(redis, lamp).claims()].map(outcome);
    await new Promise((resolve) => setImmediate(resolve)); // they have been sent
    await server.kill();
    const ends = await outcome(Promise.all(calls));
    expect(ends.tookMs).toBeLessThan(DETECTED_WITHIN_MS);
    for (const call of calls) expect((await call).result).toMatch(/^failed: /);
  });

  it('the connection, functions and data return after a restart', async () => {
    const server = await startRedis();
    const { redis, log } = watched(server.url);
    await waitUntilUp(log);
    await accept(redis);
    await server.kill();
    await until(() => log.length === 2, { what: 'the lost connection' });
    expect(await outcome(accept(redis))).toMatchObject({ result: expect.stringMatching(/^failed: /) });
    await server.start();
    await waitUntilUp(log);
    expect(log).toEqual(['up', expect.stringMatching(/^down: /), 'up']);
    expect(await accept(redis)).toMatchObject({ kind: 'accepted' });
    expect((await readDevice(redis, 'demo', 'lamp-0001'))?.last?.measurements).toEqual({ light: 1 });
  });
});

it('reloads functions that Redis no longer has', async () => {
  const redis = await connected((await startRedis()).url);
  const queue = new DeviceQueue(redis, lamp);
  await redis.call('FUNCTION', 'FLUSH');
  expect(await accept(redis)).toMatchObject({ kind: 'accepted' });
  await queue.enqueue('on');
  await redis.call('FUNCTION', 'FLUSH');
  expect(await queue.claim()).toEqual(['on dispatched 1']);
});

it('reports a wrong password instead of throwing', async () => {
  const server = await startRedis();
  const { log } = watched(server.url.replace(/:[^:@/]+@/, ':wrong@'));
  await until(() => log.length > 0, { what: 'the report' });
  expect(log[0]).toMatch(/WRONGPASS|NOAUTH/);
});

it('redisNow returns the Redis clock', async () => {
  const redis = await connected((await startRedis()).url);
  const before = Date.now();
  const now = await redisNow(redis);
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

describe('durabilityProblems', () => {
  const problems = async (...settings: string[]) =>
    durabilityProblems(await connected((await startRedis({ settings })).url));

  it('finds none with the settings of this project, repeatedly', async () => {
    const redis = await connected((await startRedis()).url);
    expect([await durabilityProblems(redis), await durabilityProblems(redis)]).toEqual([[], []]);
  });

  it('finds a missing append-only file', async () => {
    expect(await problems('appendonly no')).toEqual([expect.stringContaining('appendonly yes')]);
  });

  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])(
    'finds an eviction policy: %s',
    async (policy) => {
      expect(await problems(`maxmemory-policy ${policy}`)).toEqual([
        expect.stringContaining(`instead of "${policy}"`),
      ]);
    },
  );

  it.each([
    ['appendfsync everysec', 'instead of "everysec"'],
    ['appendfsync no', 'instead of "no"'],
    ['no-appendfsync-on-rewrite yes', 'set "no-appendfsync-on-rewrite no"'],
  ])('finds replies before the write is on disk: %s', async (setting, result) => {
    expect(await problems(setting)).toEqual([expect.stringContaining(result)]);
  });

  it('finds a Redis that forbids CONFIG GET', async () => {
    const { url } = await startRedis();
    const admin = await connected(url);
    await admin.acl('SETUSER', 'limited', 'on', '>limited', '+@all', '-config', '~*', '&*');
    const limited = await connected(url.replace(/\/\/.*@/, '//limited:limited@'));
    expect(await durabilityProblems(limited)).toEqual([expect.stringContaining('allow "CONFIG GET"')]);
  });

  it('lists all problems', async () => {
    expect(await problems('appendonly no', 'maxmemory-policy allkeys-lru')).toHaveLength(2);
  });

  it('finds another number of shards, and does not change it', async () => {
    const redis = await connected((await startRedis()).url);
    await redis.set(SHARD_COUNT_KEY, SHARDS / 2);
    expect(await durabilityProblems(redis)).toEqual([expect.stringContaining(`has ${SHARDS / 2} shards`)]);
    expect(await redis.get(SHARD_COUNT_KEY)).toBe(String(SHARDS / 2));
  });

  it('fails while Redis rejects writes', async () => {
    const redis = await connected((await startRedis()).url);
    await durabilityProblems(redis);
    await redis.config('SET', 'maxmemory', '1');
    await expect(durabilityProblems(redis)).rejects.toThrow(/^OOM/);
    await redis.config('SET', 'maxmemory', '0');
    expect(await durabilityProblems(redis)).toEqual([]);
  });
});
