import { hasScope, SCOPES, type Scope } from '@lamplighter/store/access/api-key';
import { createApiKey, type NewApiKey, parseApiKey } from '@lamplighter/store/access/api-keys';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { until } from '@lamplighter/test-kit/until';
import { auditPageSchema } from '../../../services/api/src/access/audit.controller.js';
import { createdApiKeySchema } from '../../../services/api/src/access/key.schema.js';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi();
}, 60_000);

const newKey = async (options: NewApiKey) => (await createApiKey(api.store, options)).key;

/** The status of a request, and the type of its problem; an event stream is closed at once. */
async function request(key: string, method: string, path: string, body?: string) {
  const abort = new AbortController();
  const response = await fetch(`${api.api.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body }),
    signal: abort.signal,
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const text = isStream ? '' : await response.text();
  abort.abort();
  // biome-ignore lint/suspicious/noExplicitAny: a test reads any field of the response
  const parsed: any = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
  const type = typeof parsed?.type === 'string' ? parsed.type.replace('urn:lamplighter:problem:', '') : '';
  return { status: response.status, type: type as string, body: parsed };
}

interface OpenApi {
  readonly paths: Record<string, Record<string, { security: { bearer: Scope[] }[] }>>;
}

describe('a key', () => {
  it('is refused by every endpoint whose scope it lacks', async () => {
    const { paths } = (await (await fetch(`${api.api.url}/openapi.json`)).json()) as OpenApi;
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security }]) =>
        security.length === 0 ? [] : [{ method, path, scope: security[0]!.bearer[0]! }],
      ),
    );
    expect(operations.length).toBeGreaterThan(40);
    expect(new Set(operations.map(({ scope }) => scope))).toEqual(new Set(SCOPES));
    for (const own of SCOPES.filter((scope) => scope !== 'admin')) {
      const key = await newKey({ scopes: [own] });
      for (const { method, path, scope } of operations) {
        const filled = path
          .replace('{fleet}', 'nowhere')
          .replaceAll('{id}', 'f'.repeat(12))
          .replaceAll(/\{\w+\}/g, 'x');
        const { type } = await request(key, method.toUpperCase(), filled);
        expect(`${own}: ${method} ${path} ${type === 'missing-scope'}`).toBe(
          `${own}: ${method} ${path} ${!hasScope({ scopes: [own] }, scope)}`,
        );
      }
    }
  }, 60_000);

  it('of one fleet sees and changes nothing of another', async () => {
    const action = { led_on: true };
    const enqueue = async (fleet: string) => {
      const options = { fleet, device: 'lamp', lane: 'led', policy: 'latest', ttl: 60_000, action } as const;
      const result = await enqueueCommand(api.store, options);
      return (result as { id: string }).id;
    };
    const [own, other] = [await enqueue('own'), await enqueue('other')];
    const key = await newKey({ scopes: ['read', 'command', 'rules', 'devices'], fleets: ['own', 'unused'] });
    const expectStatus = async (status: number, method: string, path: string, body?: string) =>
      expect(`${path} ${(await request(key, method, path, body)).status}`).toBe(`${path} ${status}`);

    expect((await request(key, 'GET', '/v1/fleets')).body.fleets).toMatchObject([{ fleet: 'own' }]);
    await expectStatus(200, 'GET', '/v1/fleets/own/devices');
    await expectStatus(200, 'GET', `/v1/commands/${own}`);
    await expectStatus(200, 'GET', `/v1/commands/${own}/why`);
    await expectStatus(200, 'GET', '/v1/events?fleet=own');
    await expectStatus(200, 'GET', '/v1/rejected?fleet=own');
    await expectStatus(200, 'GET', '/v1/schemas/rule');
    await expectStatus(200, 'GET', '/v1/fleets/own/commands');

    await expectStatus(403, 'GET', '/v1/fleets/other/devices');
    await expectStatus(403, 'GET', '/v1/fleets/other');
    await expectStatus(403, 'DELETE', '/v1/fleets/other');
    await expectStatus(403, 'POST', '/v1/fleets/other/devices/lamp/commands', '{"action":{"led_on":false}}');
    await expectStatus(403, 'PUT', '/v1/fleets/other/rules/x', '{"when":"a<1","then":{"b":1}}');
    await expectStatus(404, 'GET', `/v1/commands/${other}`);
    await expectStatus(404, 'GET', `/v1/commands/${other}/why`);
    await expectStatus(404, 'DELETE', `/v1/commands/${other}`);
    for (const path of ['/v1/events', '/v1/rejected', '/v1/commands']) {
      await expectStatus(403, 'GET', path);
      await expectStatus(403, 'GET', `${path}?fleet=other`);
    }
    expect((await api.get(`/v1/commands/${other}`)).body.state).toBe('pending');
    await expectStatus(200, 'DELETE', `/v1/commands/${own}`);
  }, 60_000);

  it('is rejected once it has expired, and its event stream ends', async () => {
    const key = await newKey({ scopes: ['read'], validMs: 1500 });
    const headers = { authorization: `Bearer ${key}` };
    const stream = await fetch(`${api.api.url}/v1/events`, { headers });
    expect(stream.status).toBe(200);
    await stream.text(); // settles when the stream ends
    expect((await request(key, 'GET', '/v1/fleets')).status).toBe(401);
  }, 30_000);

  it('of an earlier version still allows everything', async () => {
    const { key, id } = await createApiKey(api.store);
    await api.store.hset('{lamplighter}:api-keys', id, `${parseApiKey(key)!.hash},1795348800000`);
    expect((await request(key, 'GET', '/v1/keys')).status).toBe(200);
    expect((await request(key, 'POST', '/v1/keys', '{"scopes":["read"]}')).status).toBe(201);
  });
});

describe('the audit trail', () => {
  it('names who changed what, when, from where, and with which result', async () => {
    const writer = await createApiKey(api.store, {
      scopes: ['command', 'rules', 'read'],
      fleets: ['audited'],
    });
    const path = '/v1/fleets/audited/devices/lamp/commands';
    const rule = '/v1/fleets/audited/rules/night?allowUnknown=true';
    const body = '{"action":{"led_on":true}}';
    const sent = await request(writer.key, 'POST', `${path}?allowUnknown=true`, body);
    await request(writer.key, 'PUT', rule, '{"when":"light<1","then":{"led_on":true}}');
    await request(writer.key, 'DELETE', '/v1/fleets/audited');
    await request(writer.key, 'GET', '/v1/fleets/other');
    await request(writer.key, 'GET', '/v1/fleets/audited');
    const entries = await until(
      async () => {
        const { body } = await api.get('/v1/audit?limit=500');
        expect(auditPageSchema.parse(body)).toEqual(body);
        const own = (body.entries as { key: string }[]).filter(({ key }) => key === writer.id);
        return own.length >= 4 && own;
      },
      { what: 'the entries' },
    );
    const common = { at: expect.any(String), key: writer.id, from: expect.stringContaining('127.0.0.1') };
    const location = `/v1/commands/${sent.body.id}`;
    expect(entries).toEqual([
      { ...common, method: 'GET', path: '/v1/fleets/other', scope: 'read', status: 403 },
      { ...common, method: 'DELETE', path: '/v1/fleets/audited', scope: 'devices', status: 403 },
      {
        ...common,
        method: 'PUT',
        path: '/v1/fleets/audited/rules/night',
        scope: 'rules',
        status: 201,
        location: '/v1/fleets/audited/rules/night',
      },
      { ...common, method: 'POST', path, scope: 'command', status: 202, location },
    ]);
    const rules = await api.get('/v1/audit?scope=rules&limit=1');
    expect(rules.body.entries).toMatchObject([{ scope: 'rules' }]);
  });

  it('commands, rollouts and rule versions name the key that made them', async () => {
    const { key, id } = await createApiKey(api.store, { scopes: ['command', 'rules', 'read'] });
    const device = '/v1/fleets/named/devices/lamp';
    const command = await request(key, 'POST', `${device}/commands?allowUnknown=true`, '{"action":{"a":1}}');
    expect(command.body.key).toBe(id);
    expect((await api.get(`/v1/commands/${command.body.id}`)).body.key).toBe(id);
    const setting = await request(key, 'PUT', `${device}/settings`, '{"telemetryInterval":"5s"}');
    expect(setting.body).toMatchObject({ key: id });
    const rollout = await request(
      key,
      'POST',
      '/v1/fleets/named/commands',
      '{"action":{"a":2},"selector":{}}',
    );
    expect((await api.get(`/v1/rollouts/${rollout.body.id}`)).body.key).toBe(id);
    const rule = '/v1/fleets/named/rules/night';
    const document = '{"when":"light<1","then":{"a":3},"else":{"a":4}}';
    await request(key, 'PUT', `${rule}?allowUnknown=true`, document);
    await api.post(`${rule}/disable`, {});
    const { body } = await api.get(`${rule}/versions`);
    expect(body.versions).toMatchObject([
      { version: 2, key: parseApiKey(api.key)!.id },
      { version: 1, key: id },
    ]);
    expect((await api.get(rule)).body.version).toBe(2);
  });
});

describe('POST /v1/keys', () => {
  it('creates a key that works at once, and shows it only once', async () => {
    const wanted = { name: 'wall', scopes: ['read'], fleets: ['own'], expiresIn: '1h' };
    const created = await api.post('/v1/keys', wanted);
    expect(created.status).toBe(201);
    expect(createdApiKeySchema.parse(created.body)).toEqual(created.body);
    const { key, createdAt, expiresAt, id } = created.body;
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(3_600_000);
    expect((await request(key, 'GET', '/v1/fleets')).status).toBe(200);
    await until(
      async () => {
        const { body } = await api.get('/v1/keys?limit=500');
        expect(JSON.stringify(body)).not.toContain(key.split('.')[1]);
        return (body.keys as { id: string; lastUsedAt?: string }[]).find((each) => each.id === id)
          ?.lastUsedAt;
      },
      { what: 'the use of the key to be listed' },
    );
  });

  it.each<[what: string, body: object, pointer: string]>([
    ['no scopes', {}, '/scopes'],
    ['an unknown scope', { scopes: ['write'] }, '/scopes/0'],
    ['an administrator of one fleet', { scopes: ['admin'], fleets: ['own'] }, '/fleets'],
    ['an invalid fleet', { scopes: ['read'], fleets: ['a/b'] }, '/fleets/0'],
    ['an invalid time', { scopes: ['read'], expiresIn: '0s' }, '/expiresIn'],
    ['a name with control characters', { scopes: ['read'], name: 'a\nb' }, '/name'],
  ])('refuses %s', async (_what, body, pointer) => {
    const { status, body: problem } = await api.post('/v1/keys', body);
    expect([status, problem.errors[0].pointer]).toEqual([400, pointer]);
  });
});

it('no response allows another origin', async () => {
  for (const path of ['/v1/fleets', '/openapi.json', '/docs', '/health/live']) {
    const response = await fetch(`${api.api.url}${path}`, {
      headers: { origin: 'https://evil.example', authorization: `Bearer ${api.key}` },
    });
    await response.text();
    for (const [name] of response.headers) expect(name).not.toMatch(/^access-control-/);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-frame-options')).toBe('SAMEORIGIN');
  }
});
