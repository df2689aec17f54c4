import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { minimalEnvironment } from '@lamplighter/native/process/child';
import { freePort } from '@lamplighter/test-kit/servers/free-port';
import { startService } from '@lamplighter/test-kit/servers/service';
import { until } from '@lamplighter/test-kit/until';
import request from 'supertest';
import { apiKeyPageSchema } from '../../../services/api/src/access/key.schema.js';
import { startStandaloneApi } from '../standalone-api.js';

const PROGRAM = fileURLToPath(new URL('../../../services/api/dist/create-key.js', import.meta.url));

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
  it('prints only a new key, which works immediately and of which Redis stores only the hash', async () => {
    const api = await startStandaloneApi();
    const created = await createKey({ REDIS_URL: api.redis.apiUrl });
    expect(created).toMatchObject({ code: 0, stderr: '' });
    expect(created.stdout).toMatch(/^lamp_[0-9a-f]{12}[.][A-Za-z0-9_-]{43}\n$/);
    const key = created.stdout.trim();
    for (const each of [key, api.key]) {
      expect((await request(api.api.url).get('/v1/fleets').set('X-API-Key', each)).status).toBe(200);
    }
    const [, folder] = (await api.store.config('GET', 'dir')) as string[];
    const files = readdirSync(folder!, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    const stored = files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('');
    expect(stored).toContain(key.slice('lamp_'.length).split('.')[0]);
    expect(stored).not.toContain(key.split('.')[1]);
    expect(stored).not.toContain(api.key.split('.')[1]);
  }, 120_000);

  it('prints nothing with --first if a key exists', async () => {
    const api = await startStandaloneApi();
    expect(await createKey({ REDIS_URL: api.redis.apiUrl }, '--first')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    await api.store.del('{lamplighter}:api-keys');
    const created = await createKey({ REDIS_URL: api.redis.apiUrl }, '--first');
    expect(
      (await request(api.api.url).get('/v1/fleets').set('X-API-Key', created.stdout.trim())).status,
    ).toBe(200);
  }, 120_000);

  it('prints one message for a missing URL, an unavailable Redis or an unknown flag', async () => {
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
      /^create-key: cannot reach Redis: .*ECONNREFUSED.*; start it, or correct REDIS_URL\n$/,
    );
    expect(wrongFlag).toMatchObject({ code: 1, stdout: '' });
    expect(wrongFlag.stderr).toMatch(/^create-key: invalid arguments: --frist\nusage: .*\n.*\n$/);
  }, 120_000);
});

it('a key that is deleted in Redis is rejected within seconds', async () => {
  const api = await startStandaloneApi();
  const key = (await createKey({ REDIS_URL: api.redis.apiUrl })).stdout.trim();
  const status = async () => (await request(api.api.url).get('/v1/fleets').set('X-API-Key', key)).status;
  expect(await status()).toBe(200);
  await api.store.hdel('{lamplighter}:api-keys', key.slice('lamp_'.length).split('.')[0]!);
  await until(async () => (await status()) === 401, {
    what: 'the key to be rejected',
    timeoutMs: 15_000,
    everyMs: 200,
  });
}, 120_000);

describe('create-key with rights', () => {
  it('creates a key with scopes, fleets, a name and a time', async () => {
    const api = await startStandaloneApi();
    const url = { REDIS_URL: api.redis.apiUrl };
    const created = await createKey(
      url,
      ...['--scopes', 'read,command', '--fleets', 'demo,plant', '--expires', '90d', '--name', 'the wall'],
    );
    expect(created.stderr).toBe('');
    expect((await createKey(url, '--list')).stdout).toMatch(
      /^\w+ {2}read,command {2}created \S+ {2}last used never {2}fleets demo,plant {2}expires 20\S+ {2}"the wall"$/m,
    );
    for (const [args, message] of [
      [['--scopes', 'write'], /^create-key: --scopes must be "read" or "command"/],
      [['--fleets', 'demo'], /^create-key: --fleets must be omitted: a key with scope "admin"/],
      [['--expires', '5 days', '--scopes', 'read'], /^create-key: --expires must be a duration/],
      [['--first', '--scopes', 'read'], /^create-key: these arguments do not belong together/],
    ] as const)
      expect(await createKey(url, ...args)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(message),
      });
  }, 60_000);
});

describe('keys', () => {
  const idOf = (key: string) => key.slice('lamp_'.length).split('.')[0]!;

  it('are listed with their times and without their secrets', async () => {
    const api = await startStandaloneApi();
    await createKey({ REDIS_URL: api.redis.apiUrl });
    interface Listed {
      id: string;
      isYours: boolean;
      lastUsedAt?: string;
    }
    const yours = async () =>
      ((await api.get('/v1/keys')).body.keys as Listed[]).find(({ isYours }) => isYours);
    await until(async () => (await yours())?.lastUsedAt, { what: 'the use of the key to be recorded' });
    expect((await yours())!.id).toBe(idOf(api.key));
    const { body } = await api.get('/v1/keys');
    expect(apiKeyPageSchema.parse(body)).toEqual(body);
    expect(body.keys).toHaveLength(2);
    expect(JSON.stringify(body)).not.toContain(api.key.split('.')[1]);
    const listed = await createKey({ REDIS_URL: api.redis.apiUrl }, '--list');
    expect(listed.stdout.split('\n')).toEqual([
      expect.stringMatching(/^[0-9a-f]{12} {2}admin {2}created 2\S+ {2}last used (2\S+|never)$/),
      expect.stringMatching(/^[0-9a-f]{12} {2}admin {2}created 2\S+ {2}last used (2\S+|never)$/),
      '',
    ]);
  }, 60_000);

  it('are rejected by every replica within 5 s after they are revoked, and their event streams end', async () => {
    const api = await startStandaloneApi();
    const other = await startService('api', { REDIS_URL: api.redis.apiUrl }, { wait: 'started' });
    const key = (await createKey({ REDIS_URL: api.redis.apiUrl })).stdout.trim();
    const headers = { authorization: `Bearer ${key}` };
    const status = async (url: string) => (await fetch(`${url}/v1/fleets`, { headers })).status;
    await until(async () => (await status(other.url)) === 200, {
      what: 'the other replica to accept the key',
    });
    const stream = await fetch(`${other.url}/v1/events`, { headers });
    const ended = stream.text();
    expect((await api.delete(`/v1/keys/${idOf(key)}`)).status).toBe(204);
    const revokedAt = performance.now();
    expect(await status(api.api.url)).toBe(401);
    await until(async () => (await status(other.url)) === 401, {
      what: 'the other replica to reject the key',
    });
    expect(performance.now() - revokedAt).toBeLessThan(5000);
    await ended;
    const unknown = await fetch(`${other.url}/v1/fleets`, { headers });
    expect(await unknown.json()).toMatchObject({ detail: 'Unknown API key.' });
    expect((await api.delete(`/v1/keys/${idOf(key)}`)).status).toBe(404);
  }, 60_000);

  it('cannot be revoked by accident if only one is left', async () => {
    const api = await startStandaloneApi();
    const rejected = await api.delete(`/v1/keys/${idOf(api.key)}`);
    expect([rejected.status, rejected.body.type]).toEqual([409, 'urn:lamplighter:problem:last-key']);
    const url = { REDIS_URL: api.redis.apiUrl };
    expect(await createKey(url, '--revoke', idOf(api.key))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--allow-last'),
    });
    expect((await createKey(url, '--revoke', 'f'.repeat(12))).stderr).toMatch(/API key f+ does not exist/);
    expect((await createKey(url)).code).toBe(0);
    expect(await createKey(url, '--revoke', idOf(api.key))).toMatchObject({ code: 0, stderr: '' });
    await until(async () => (await api.get('/v1/fleets')).status === 401, {
      what: 'the key to be rejected',
    });
  }, 60_000);
});
