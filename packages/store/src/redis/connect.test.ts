import { closeLater } from '@lamplighter/test-kit/resources';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { Replica, reading } from '@lamplighter/test-kit/store/replica';
import { connected } from '@lamplighter/test-kit/store/store-under-test';
import { until } from '@lamplighter/test-kit/until';
import { CommandDesk } from '../../test/command-desk.js';
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

/** How long a call may take to fail while Redis is away, milliseconds. */
const AT_ONCE_MS = 500;
/** The same when it has to be found out first that Redis died; far less than the timeout of a call. */
const SOON_MS = 1000;

/** How a call ends, and how long that takes. */
async function outcome(call: Promise<unknown>): Promise<{ said: string; tookMs: number }> {
  const tookMs = stopwatch();
  const said = await call.then(String, (error: Error) => `failed: ${error.message}`);
  return { said, tookMs: tookMs() };
}

/** A connection, and what it told of its life. */
function watched(url: string, settings: ConnectionSettings = {}): { redis: Redis; told: string[] } {
  const told: string[] = [];
  const redis = connectRedis(url, 'test', {
    ...settings,
    onUp: () => told.push('up'),
    onDown: (why) => told.push(`down: ${why}`),
  });
  closeLater('Redis client', () => redis.disconnect());
  return { redis, told };
}
const isUp = (told: string[]) =>
  until(() => told.at(-1) === 'up', { what: 'the connection', timeoutMs: 15_000 });

const lamp = new DeviceAddress('demo', 'lamp-0001', false);
const take = (redis: Redis) => new Replica(redis).accept(lamp, [reading({ light: 1 })]);

describe('while Redis is away', () => {
  it.each<[what: string, call: (redis: Redis) => Promise<unknown>]>([
    ['a plain call', (redis) => redis.get('x')],
    ['one script', take],
    ['scripts in one round trip', (redis) => new CommandDesk(redis, lamp).claims()],
    ['a read of many keys', (redis) => readDevice(redis, 'demo', 'lamp-0001')],
    ['the check of its durability', durabilityProblems],
  ])('%s fails at once', async (_what, call) => {
    const { redis } = watched(`redis://127.0.0.1:${await freePort()}`);
    const { said, tookMs } = await outcome(call(redis));
    expect(said).toMatch(/^failed: /);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
  });

  it('that is told once, however often it is tried', async () => {
    const { redis, told } = watched(`redis://127.0.0.1:${await freePort()}`);
    let attempts = 0;
    redis.on('reconnecting', () => {
      attempts += 1;
    });
    await until(() => attempts >= 3, { what: 'three attempts' });
    expect(told).toEqual([expect.stringContaining('ECONNREFUSED')]);
  });
});

it('a call fails in time when Redis is frozen, and the connection is there again when it goes on', async () => {
  const server = await startRedis();
  const { redis, told } = watched(server.url, { commandTimeoutMs: 200 });
  await isUp(told);
  server.pause();
  const { said, tookMs } = await outcome(take(redis));
  expect(said).toMatch(/^failed: .*timed out/);
  expect(tookMs).toBeLessThan(SOON_MS);
  server.resume();
  await until(() => take(redis), { what: 'an answer' });
});

describe('when Redis dies', () => {
  it('calls that wait for their answer do not wait for their timeout', async () => {
    const server = await startRedis();
    const redis = await connected(server.url);
    server.pause();
    const calls = [take(redis), redis.get('x'), new CommandDesk(redis, lamp).claims()].map(outcome);
    await new Promise((resolve) => setImmediate(resolve)); // they are on the wire
    await server.kill();
    const ends = await outcome(Promise.all(calls));
    expect(ends.tookMs).toBeLessThan(SOON_MS);
    for (const call of calls) expect((await call).said).toMatch(/^failed: /);
  });

  it('and comes back, the connection does too, with scripts and data', async () => {
    const server = await startRedis();
    const { redis, told } = watched(server.url);
    await isUp(told);
    await take(redis);
    await server.kill();
    await until(() => told.length === 2, { what: 'the loss' });
    expect(await outcome(take(redis))).toMatchObject({ said: expect.stringMatching(/^failed: /) });
    await server.start();
    await isUp(told);
    expect(told).toEqual(['up', expect.stringMatching(/^down: /), 'up']);
    expect(await take(redis)).toMatchObject({ kind: 'accepted' });
    expect((await readDevice(redis, 'demo', 'lamp-0001'))?.last?.measurements).toEqual({ light: 1 });
  });
});

it('scripts that Redis has forgotten are loaded by the call that needs them', async () => {
  const redis = await connected((await startRedis()).url);
  const desk = new CommandDesk(redis, lamp);
  await redis.script('FLUSH');
  expect(await take(redis)).toMatchObject({ kind: 'accepted' });
  await desk.enqueue('on');
  await redis.script('FLUSH');
  expect(await desk.claim()).toEqual(['on dispatched 1']);
});

it('a wrong password is told, not thrown', async () => {
  const server = await startRedis();
  const { told } = watched(server.url.replace(/:[^:@/]+@/, ':wrong@'));
  await until(() => told.length > 0, { what: 'a word of it' });
  expect(told[0]).toMatch(/WRONGPASS|NOAUTH/);
});

it('the clock is that of Redis', async () => {
  const redis = await connected((await startRedis()).url);
  const before = Date.now();
  const now = await redisNow(redis);
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

describe('the check of durability', () => {
  const problems = async (...settings: string[]) =>
    durabilityProblems(await connected((await startRedis({ settings })).url));

  it('finds nothing wrong with our own settings, time and again', async () => {
    const redis = await connected((await startRedis()).url);
    expect([await durabilityProblems(redis), await durabilityProblems(redis)]).toEqual([[], []]);
  });

  it('finds that nothing is appended to a file', async () => {
    expect(await problems('appendonly no')).toEqual([expect.stringContaining('appendonly yes')]);
  });

  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])(
    'finds that keys may be evicted: %s',
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
  ])('finds that an answer may come before the write is on disk: %s', async (setting, said) => {
    expect(await problems(setting)).toEqual([expect.stringContaining(said)]);
  });

  it('does not trust a Redis that keeps its settings to itself', async () => {
    const { url } = await startRedis();
    const admin = await connected(url);
    await admin.acl('SETUSER', 'limited', 'on', '>limited', '+@all', '-config', '~*', '&*');
    const limited = await connected(url.replace(/\/\/.*@/, '//limited:limited@'));
    expect(await durabilityProblems(limited)).toEqual([expect.stringContaining('allow "CONFIG GET"')]);
  });

  it('finds all at once', async () => {
    expect(await problems('appendonly no', 'maxmemory-policy allkeys-lru')).toHaveLength(2);
  });

  it('finds that the data were written for another number of shards, and leaves them', async () => {
    const redis = await connected((await startRedis()).url);
    await redis.set(SHARD_COUNT_KEY, SHARDS / 2);
    expect(await durabilityProblems(redis)).toEqual([
      expect.stringContaining(`filled with ${SHARDS / 2} shards`),
    ]);
    expect(await redis.get(SHARD_COUNT_KEY)).toBe(String(SHARDS / 2));
  });

  it('fails when Redis takes no writes', async () => {
    const redis = await connected((await startRedis()).url);
    await durabilityProblems(redis);
    await redis.config('SET', 'maxmemory', '1');
    await expect(durabilityProblems(redis)).rejects.toThrow(/^OOM/);
    await redis.config('SET', 'maxmemory', '0');
    expect(await durabilityProblems(redis)).toEqual([]);
  });
});
