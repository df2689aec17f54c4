import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import { READY_MS } from '@lamplighter/native/servers/service';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { recordPresence } from '@lamplighter/store/devices/presence';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startRedis } from '@lamplighter/test-kit/servers/redis';
import { startService } from '@lamplighter/test-kit/servers/service';
import { stopwatch } from '@lamplighter/test-kit/stopwatch';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { connected } from '../../../tools/test-kit/src/store/store-under-test.js';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

const LIST = '/v1/fleets/demo/devices/lamp/commands';
const COMMANDS = `${LIST}?allowUnknown=true`;
const COMMAND = { action: { led_on: true } };

const ready = async (url: string) => (await request(url).get('/health/ready')).body;
const logged = (output: string, message: string) => output.split(message).length - 1;
/** Stores the presence of a canary, as the rules service does. */
const canary = (api: StandaloneApi) =>
  recordPresence(api.store, [
    {
      address: new DeviceAddress(CANARY_FLEET, 'replica', false),
      message: { online: true, session: Date.now() },
    },
  ]);

/** Expects a 503 response with Retry-After within `ms`. */
async function expectUnavailable(test: request.Test, ms: number, kind = 'store-away'): Promise<void> {
  const tookMs = stopwatch();
  const response = await test;
  expect(tookMs()).toBeLessThan(ms);
  expect([response.status, response.body.type]).toEqual([503, `urn:lamplighter:problem:${kind}`]);
  expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
}

describe('the API', () => {
  it('starts without Redis and reports it', async () => {
    const port = await freePort();
    const api = await startService('api', { REDIS_URL: `redis://127.0.0.1:${port}` }, { wait: 'started' });
    await until(async () => (await request(api.url).get('/health/live')).status === 200, {
      what: 'the API to be live',
      timeoutMs: READY_MS,
    });
    const { status, reasons } = await ready(api.url);
    expect([status, reasons]).toEqual([
      'not ready',
      [expect.stringMatching(/^Redis is unavailable: .*ECONNREFUSED/)],
    ]);
    await expectUnavailable(
      request(api.url)
        .get('/v1/fleets')
        .set('X-API-Key', `lamp_000000000000.${'A'.repeat(43)}`),
      1000,
    );
    expect((await request(api.url).get('/metrics')).text).toContain('lamplighter_store_durability_ok 0');
    expect((await request(api.url).get('/openapi.json')).status).toBe(200);
    expect(logged(api.output(), 'cannot reach Redis')).toBe(1);
  }, 120_000);

  it('returns 503 within a second while Redis is down, and recovers', async () => {
    const api = await startStandaloneApi();
    await canary(api);
    expect(await ready(api.api.url)).toEqual({ status: 'ready', reasons: [] });
    expect((await api.post(COMMANDS, COMMAND)).status).toBe(202);
    await api.redis.kill();
    await expectUnavailable(api.post(COMMANDS, COMMAND), 1000);
    await expectUnavailable(api.get('/v1/fleets'), 1000);
    await expectUnavailable(api.get('/v1/events'), 1000);
    expect((await ready(api.api.url)).status).toBe('not ready');
    await api.redis.start();
    await until(async () => (await api.get('/v1/fleets')).status === 200, {
      what: 'the API to serve again',
    });
    expect((await api.get(LIST)).body.commands).toHaveLength(1);
    expect([
      logged(api.api.output(), 'cannot reach Redis'),
      logged(api.api.output(), 'connected to Redis'),
    ]).toEqual([1, 2]);
  }, 120_000);

  it('returns 503 while Redis is frozen, without queueing requests', async () => {
    const api = await startStandaloneApi();
    await api.get('/v1/fleets');
    api.redis.pause();
    await Promise.all(Array.from({ length: 50 }, () => expectUnavailable(api.post(COMMANDS, COMMAND), 3000)));
    await until(async () => (await ready(api.api.url)).reasons[0]?.startsWith('Redis is unavailable'), {
      what: 'the API to report Redis as unavailable',
    });
    const tookMs = stopwatch();
    for (let i = 0; i < 50; i += 1) await expectUnavailable(api.post(COMMANDS, COMMAND), 1000);
    // Far less than 50 timeouts of Redis.
    expect(tookMs()).toBeLessThan(10_000);
    api.redis.resume();
    await until(async () => (await api.post(COMMANDS, COMMAND)).status === 202, {
      what: 'commands to be accepted',
    });
    expect(logged(api.api.output(), 'cannot reach Redis')).toBe(1);
  }, 120_000);

  it('serves reads and rejects commands while Redis rejects writes, and recovers', async () => {
    const api = await startStandaloneApi();
    expect((await api.post(COMMANDS, COMMAND)).status).toBe(202);
    await api.store.config('SET', 'maxmemory', '100kb');
    const rejected = await api.post(COMMANDS, COMMAND);
    expect([rejected.status, rejected.body.type]).toEqual([
      503,
      expect.stringMatching(/refuses-writes|not-durable/),
    ]);
    expect(rejected.headers['retry-after']).toBeDefined();
    expect((await api.get('/v1/fleets/demo')).status).toBe(200);
    await until(async () => /rejects writes/.test((await ready(api.api.url)).reasons.join()), {
      what: 'the API to report rejected writes',
    });
    await api.store.config('SET', 'maxmemory', '0');
    await until(async () => (await api.post(COMMANDS, COMMAND)).status === 202, {
      what: 'commands to be accepted',
    });
  }, 120_000);
});

describe('with a Redis that can lose commands', () => {
  const settings = ['appendonly no', 'maxmemory-policy allkeys-lru'];

  it('the API is not ready and accepts no command', async () => {
    const api = await startStandaloneApi({ settings });
    await canary(api);
    expect((await ready(api.api.url)).reasons).toEqual([
      'Redis has no append-only file: set "appendonly yes"',
      'Redis can evict keys: set "maxmemory-policy noeviction" instead of "allkeys-lru"',
    ]);
    await expectUnavailable(api.post(COMMANDS, COMMAND), 1000, 'store-not-durable');
    expect((await api.get('/v1/fleets')).status).toBe(200);
    expect(await api.metric('store_durability_ok')).toBe(0);
    await api.store.config('SET', 'appendonly', 'yes');
    await api.store.config('SET', 'maxmemory-policy', 'noeviction');
    await until(async () => (await ready(api.api.url)).status === 'ready', {
      what: 'the API to be ready',
    });
    expect(await api.metric('store_durability_ok')).toBe(1);
  }, 120_000);

  it('the API serves requests with REDIS_DURABILITY=warn, and logs a warning', async () => {
    const api = await startStandaloneApi({ settings, env: { REDIS_DURABILITY: 'warn' } });
    await canary(api);
    expect((await ready(api.api.url)).status).toBe('ready');
    expect((await api.post(COMMANDS, COMMAND)).status).toBe(202);
    expect(logged(api.api.output(), 'Redis is not durable')).toBe(1);
    expect(await api.metric('store_durability_ok')).toBe(0);
  }, 120_000);
});

describe('readiness', () => {
  it('requires a recent canary from the broker and rules', async () => {
    const api = await startStandaloneApi();
    expect((await ready(api.api.url)).reasons).toEqual([
      expect.stringMatching(/^no canary .* yet: check that the broker is up/),
    ]);
    await canary(api);
    expect((await ready(api.api.url)).reasons).toEqual([]);
  });
});

describe('the first API key', () => {
  it('is not created by the API, which logs the command that creates it', async () => {
    const redis = await startRedis();
    const api = await startService('api', { REDIS_URL: redis.apiUrl }, { wait: 'started' });
    await until(() => logged(api.output(), 'there is no API key; create the first one') === 1, {
      what: 'the API to report the missing key',
      timeoutMs: READY_MS,
    });
    expect(api.output()).not.toContain('lamp_');
    expect(await (await connected(redis.url)).hlen('{lamplighter}:api-keys')).toBe(0);
  }, 120_000);
});

describe('a failed start prints one message:', () => {
  it.each<[what: string, env: Record<string, string>, message: RegExp]>([
    [
      'all invalid variables, without their values',
      { REDIS_URL: 'http://secret@x', API_PORT: 'x', LOG_LEVEL: 'loud', REDIS_DURABILITY: 'no' },
      /^api: invalid configuration\n( {2}(LOG_LEVEL|REDIS_URL|API_PORT|REDIS_DURABILITY): .*\n){4}$/,
    ],
    ['a missing REDIS_URL', {}, /^api: invalid configuration\n {2}REDIS_URL: is not set\n$/],
  ])('%s', async (_what, env, message) => {
    const api = await startService('api', { API_PORT: '0', ...env }, { wait: 'started' });
    expect(await api.exited).toEqual({ code: 1, signal: null });
    expect(api.output()).toMatch(message);
    expect(api.output()).not.toContain('secret');
  });

  it('a port that is in use', async () => {
    const redis = await startRedis();
    const env = { REDIS_URL: redis.apiUrl, API_PORT: String(redis.port) };
    const api = await startService('api', env, { wait: 'started' });
    expect(await api.exited).toEqual({ code: 1, signal: null });
    expect(api.output()).toMatch(/^api: port \d+ on 127.0.0.1 is in use; .* set API_PORT to another port\n$/);
  });
});
