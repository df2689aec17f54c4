import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { minimalEnvironment } from '@lamplighter/native/child';
import { freePort } from '@lamplighter/test-kit/free-port';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { startApiAlone } from './api-alone.js';

const PROGRAM = fileURLToPath(new URL('../../services/api/dist/create-key.js', import.meta.url));

async function createKey(env: Record<string, string>, ...flags: string[]) {
  const options = { env: { ...minimalEnvironment(), ...env }, timeout: 20_000 };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM, ...flags], options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe('create-key', () => {
  it('prints another key and nothing else; it opens the API at once, and Redis keeps only its hash', async () => {
    const api = await startApiAlone();
    const made = await createKey({ REDIS_URL: api.redis.url });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toMatch(/^lamp_[0-9a-f]{12}[.][A-Za-z0-9_-]{43}\n$/);
    const key = made.stdout.trim();
    for (const each of [key, api.key]) {
      expect((await request(api.api.url).get('/v1/fleets').set('X-API-Key', each)).status).toBe(200);
    }
    const [, folder] = (await api.store.config('GET', 'dir')) as string[];
    const files = readdirSync(folder!, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    const kept = files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('');
    expect(kept).toContain(key.slice('lamp_'.length).split('.')[0]);
    expect(kept).not.toContain(key.split('.')[1]);
    expect(kept).not.toContain(api.key.split('.')[1]);
  }, 120_000);

  it('--first prints nothing where there is one', async () => {
    const api = await startApiAlone();
    expect(await createKey({ REDIS_URL: api.redis.url }, '--first')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    await api.store.del('{lamplighter}:api-keys');
    const made = await createKey({ REDIS_URL: api.redis.url }, '--first');
    expect((await request(api.api.url).get('/v1/fleets').set('X-API-Key', made.stdout.trim())).status).toBe(
      200,
    );
  }, 120_000);

  it('says in one message what is wrong: no URL, no Redis, a wrong flag', async () => {
    const port = await freePort();
    const [noUrl, noRedis, wrongFlag] = await Promise.all([
      createKey({}),
      createKey({ REDIS_URL: `redis://127.0.0.1:${port}` }),
      createKey({ REDIS_URL: `redis://127.0.0.1:${port}` }, '--frist'),
    ]);
    expect(noUrl).toMatchObject({ code: 1, stdout: '' });
    expect(noUrl.stderr).toBe('create-key: invalid configuration\n  REDIS_URL: is not set\n');
    expect(noRedis).toMatchObject({ code: 1, stdout: '' });
    expect(noRedis.stderr).toMatch(
      /^create-key: Redis is away: .*ECONNREFUSED.*; start it, or correct REDIS_URL\n$/,
    );
    expect(wrongFlag).toMatchObject({ code: 1, stdout: '' });
    expect(wrongFlag.stderr).toMatch(/^create-key: unknown argument --frist\nusage: .*\n$/);
  }, 120_000);
});

it('a key that is deleted is refused within seconds', async () => {
  const api = await startApiAlone();
  const key = (await createKey({ REDIS_URL: api.redis.url })).stdout.trim();
  const status = async () => (await request(api.api.url).get('/v1/fleets').set('X-API-Key', key)).status;
  expect(await status()).toBe(200);
  await api.store.hdel('{lamplighter}:api-keys', key.slice('lamp_'.length).split('.')[0]!);
  await until(async () => (await status()) === 401, {
    what: 'the key to be refused',
    timeoutMs: 15_000,
    everyMs: 200,
  });
}, 120_000);
