import { connect } from 'node:net';
import request from 'supertest';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi();
}, 60_000);

const COMMANDS = '/v1/fleets/demo/devices/lamp-0001/commands?allowUnknown=true';
const NO_COMMAND = '/v1/commands/01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17';
const deep = (levels: number) => `{"action":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`;

function expectProblem(response: request.Response, status: number, kind: string): void {
  expect([response.status, response.body.type]).toEqual([status, `urn:lamplighter:problem:${kind}`]);
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(Object.keys(response.body)).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail']));
  expect(response.body.status).toBe(status);
  expect(response.body.detail.length).toBeGreaterThan(10);
  expect(response.text).not.toMatch(/node_modules|\.js:\d|\n {4}at /);
}

describe('rejects an invalid body and points at each invalid field:', () => {
  it.each<[what: string, body: string, errors: [pointer: string, detail: RegExp][]]>([
    ['an empty body', '', [['/action', /is missing; it must be an object/]]],
    ['an array', '[]', [['', /must be an object/]]],
    ['a number', '7', [['', /must be an object/]]],
    ['no action', '{}', [['/action', /is missing/]]],
    ['an empty action', '{"action":{}}', [['/action', /needs at least one key/]]],
    ['an action that is text', '{"action":"on"}', [['/action', /must be an object/]]],
    ['a reserved key', '{"action":{"_cmd":1}}', [['/action/_cmd', /begin with a letter/]]],
    ['a key with a slash and a tilde', '{"action":{"a/b~":1}}', [['/action/a~1b~0', /begin with a letter/]]],
    ['an action of 5 kB', JSON.stringify({ action: { a: 'x'.repeat(5000) } }), [['/action', /4096 bytes/]]],
    ['an action 12 levels deep', deep(12), [[`/action/a${'/0'.repeat(8)}`, /nested deeper/]]],
    ['an action 4,000 levels deep', deep(4000), [[`/action/a${'/0'.repeat(8)}`, /nested deeper/]]],
    ['a number out of range', '{"action":{"a":1e999}}', [['/action/a', /beyond the range/]]],
    ['a lone surrogate', '{"action":{"a":"\\ud800"}}', [['/action/a', /surrogate/]]],
    ['__proto__', '{"action":{"a":{"__proto__":{"b":1}}}}', [['/action/a/__proto__', /not allowed/]]],
    ['constructor', '{"constructor":{"prototype":1}}', [['/constructor', /not allowed/]]],
    ['a duplicate key', '{"action":{"a":true,"b":[1],"a":false}}', [['/action/a', /more than once/]]],
    [
      'a duplicate key with an escape',
      '{"action":{"a":1},"\\u0061ction":{}}',
      [['/action', /more than once/]],
    ],
    ['an unknown policy', '{"action":{"a":1},"policy":"soon"}', [['/policy', /"latest"/]]],
    [
      'a misspelt field',
      '{"action":{"a":1},"tll":"5s"}',
      [['/tll', /unknown field 'tll', did you mean 'ttl'\?/]],
    ],
    ['too many attempts', '{"action":{"a":1},"attempts":21}', [['/attempts', /^must be at most 20$/]]],
    ['a lane of two words', '{"action":{"a":1},"lane":"two words"}', [['/lane', /must be 1 to/]]],
    ['a time to live of a year', '{"action":{"a":1},"ttl":"365d"}', [['/ttl', /must be a duration/]]],
    ['a negative time to live', '{"action":{"a":1},"ttl":"-5s"}', [['/ttl', /must be a duration/]]],
    ['a time to live as a number', '{"action":{"a":1},"ttl":60}', [['/ttl', /must be a duration/]]],
    [
      'three invalid fields',
      '{"action":{"a":1},"ttl":"x","policy":1,"priority":9}',
      [
        ['/policy', /must be/],
        ['/ttl', /must be a duration/],
        ['/priority', /unknown field 'priority'$/],
      ],
    ],
  ])('%s', async (_what, body, errors) => {
    const response = await api.post(COMMANDS, body);
    expectProblem(response, 400, 'invalid-request');
    expect(response.body.errors).toEqual(
      errors.map(([pointer, detail]) => ({ in: 'body', pointer, detail: expect.stringMatching(detail) })),
    );
    expect(({} as Record<string, unknown>).b).toBeUndefined();
  });

  it('a body that is not JSON', async () => {
    expectProblem(await api.post(COMMANDS, '{"action":'), 400, 'malformed-json');
    expectProblem(await api.post(COMMANDS, '{"action":{"a":NaN}}'), 400, 'malformed-json');
    const bytes = Buffer.from('{"action":{"a":"\xff"}}', 'latin1');
    const binary = await fetch(`${api.api.url}${COMMANDS}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
      body: bytes,
    });
    expect([binary.status, ((await binary.json()) as { type: string }).type]).toEqual([
      400,
      'urn:lamplighter:problem:malformed-json',
    ]);
  });

  it('a duplicate key at another endpoint', async () => {
    const twice = '{"when":"light < 300","when":"light < 30","then":{"led_on":true}}';
    const response = await api.post('/v1/fleets/demo/rules', twice);
    expectProblem(response, 400, 'invalid-request');
    expect(response.body.errors).toEqual([
      { in: 'body', pointer: '/when', detail: 'appears more than once' },
    ]);
  });

  it('but ignores the body of a GET request', async () => {
    const response = await api.get('/v1/fleets').type('json').send('{"');
    expect(response.status).toBe(200);
  });

  it('a body of another media type', async () => {
    expectProblem(await api.post(COMMANDS).type('form').send('a=1'), 415, 'unsupported-media-type');
    expectProblem(await api.post(COMMANDS).type('text').send('on'), 415, 'unsupported-media-type');
    for (const charset of ['latin1', 'utf-16', '']) {
      const type = `application/json; charset=${charset}`;
      const response = await api.post(COMMANDS).set('Content-Type', type).send('{"action":{"a":1}}');
      expectProblem(response, 415, 'unsupported-media-type');
    }
    const quoted = 'Application/JSON; charset="UTF-8"';
    expect((await api.post(COMMANDS).set('Content-Type', quoted).send('{"action":{"a":1}}')).status).toBe(
      202,
    );
  });

  it('a body of more than 64 kB, with or without Content-Length', async () => {
    const body = JSON.stringify({ action: { a: 'x'.repeat(70_000) } });
    expectProblem(await api.post(COMMANDS, body), 413, 'body-too-large');
    const chunked = await fetch(`${api.api.url}${COMMANDS}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    });
    expect([chunked.status, ((await chunked.json()) as { type: string }).type]).toEqual([
      413,
      'urn:lamplighter:problem:body-too-large',
    ]);
  });
});

describe('rejects an invalid path or query and points at it:', () => {
  it.each<[path: string, part: string, pointer: string]>([
    ['/v1/fleets?limit=0', 'query', '/limit'],
    ['/v1/fleets?limit=501', 'query', '/limit'],
    ['/v1/fleets?limit=ten', 'query', '/limit'],
    ['/v1/fleets?limit=1&limit=2', 'query', '/limit'],
    ['/v1/fleets/demo/devices?presence=alive', 'query', '/presence'],
    ['/v1/fleets/demo/devices?cursor=%20', 'query', '/cursor'],
    ['/v1/fleets/demo/devices?colour=red', 'query', '/colour'],
    ['/v1/fleets/demo/devices/lamp-0001/telemetry?limit=-1', 'query', '/limit'],
    ['/v1/fleets/demo/devices/lamp-0001/commands?state=lost', 'query', '/state'],
    ['/v1/fleets/demo/devices/lamp-0001/commands?cursor=1', 'query', '/cursor'],
    ['/v1/rejected?limit=501', 'query', '/limit'],
    ['/v1/events?type=weather', 'query', '/type'],
    ['/v1/fleets/%23', 'path', '/fleet'],
    ['/v1/fleets/a%2Fb', 'path', '/fleet'],
    ['/v1/fleets/lamplighter-canary', 'path', '/fleet'],
    [`/v1/fleets/demo/devices/${'x'.repeat(65)}`, 'path', '/device'],
    ['/v1/fleets/demo/devices/a%00b', 'path', '/device'],
    ['/v1/commands/1', 'path', '/id'],
    ['/v1/commands/01KAP3Z8Q4T5V6W7X8Y9ZABCDE-64', 'path', '/id'],
  ])('%s', async (path, part, pointer) => {
    const response = await api.get(path);
    expectProblem(response, 400, 'invalid-request');
    expect(response.body.errors).toEqual([{ in: part, pointer, detail: expect.any(String) }]);
  });

  it('a path that is not UTF-8', async () => {
    expectProblem(await api.get('/v1/fleets/%FF'), 400, 'invalid-request');
  });

  it('invalid headers', async () => {
    for (const key of ['', 'two words', 'x'.repeat(256)]) {
      const response = await api.post(COMMANDS, { action: { a: 1 } }).set('Idempotency-Key', key);
      expectProblem(response, 400, 'invalid-request');
      expect(response.body.errors).toMatchObject([{ in: 'header', pointer: '/Idempotency-Key' }]);
    }
    const response = await api.get('/v1/events').set('Last-Event-ID', 'yesterday');
    expectProblem(response, 400, 'invalid-request');
  });
});

describe('returns 404 with a specific problem type for', () => {
  it.each([
    ['/v1/fleets/nowhere', 'no-such-fleet'],
    ['/v1/fleets/nowhere/devices', 'no-such-fleet'],
    ['/v1/fleets/nowhere/devices/lamp', 'no-such-device'],
    ['/v1/fleets/nowhere/devices/lamp/telemetry', 'no-such-device'],
    ['/v1/fleets/nowhere/devices/lamp/commands', 'no-such-device'],
    [NO_COMMAND, 'no-such-command'],
    ['/v1', 'no-such-route'],
    ['/v1/lamps', 'no-such-route'],
    ['/v2/fleets', 'no-such-route'],
    ['/docs/../../etc/passwd', 'no-such-route'],
  ])('%s', async (path, kind) => {
    expectProblem(await api.get(path), 404, kind);
  });

  it('the cancellation of an unknown command', async () => {
    expectProblem(await api.delete(NO_COMMAND), 404, 'no-such-command');
  });
});

it('returns 405 with the allowed methods of a path', async () => {
  const rejected = await request(api.api.url).put(COMMANDS).set('X-API-Key', api.key).send({});
  expectProblem(rejected, 405, 'method-not-allowed');
  expect(rejected.headers.allow).toBe('GET, HEAD, POST');
  const other = await request(api.api.url).post('/health/live');
  expectProblem(other, 405, 'method-not-allowed');
});

describe('requires an API key under /v1 and rejects', () => {
  it.each<[what: string, headers: Record<string, string>]>([
    ['a request without a key', {}],
    ['an empty key', { Authorization: 'Bearer ' }],
    ['a password', { Authorization: 'Basic bGFtcDpsYW1w' }],
    ['a malformed key', { 'X-API-Key': 'letmein' }],
    ['an unknown key', { Authorization: `Bearer lamp_0123456789ab.${'A'.repeat(43)}` }],
    ['an unknown key in the other header', { 'X-API-Key': `lamp_000000000000.${'A'.repeat(43)}` }],
  ])('%s', async (_what, headers) => {
    const before = await api.metric('auth_failures_total');
    for (const path of ['/v1/fleets', '/V1/fleets', '/v1/lamps', '/v1/events']) {
      const response = await request(api.api.url).get(path).set(headers);
      expectProblem(response, 401, 'unauthorized');
      expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="lamplighter"/);
    }
    expect(await api.metric('auth_failures_total')).toBe(before + 4);
  });

  it('a key in the query, where logs would contain it', async () => {
    expectProblem(await request(api.api.url).get(`/v1/fleets?key=${api.key}`), 401, 'unauthorized');
  });

  it('an unauthorized request before it reads the body', async () => {
    expectProblem(await request(api.api.url).post(COMMANDS).type('json').send('{"'), 401, 'unauthorized');
  });
});

it('accepts an API key in either header', async () => {
  expect((await request(api.api.url).get('/v1/fleets').set('X-API-Key', api.key)).status).toBe(200);
  expect(
    (await request(api.api.url).get('/v1/fleets').set('Authorization', `bearer ${api.key}`)).status,
  ).toBe(200);
});

it('survives connections that do not speak HTTP', async () => {
  for (const bytes of [
    '\x16\x03\x01\x02\x00\x01',
    'GET /v1 HTTP/9.9\r\n\r\n',
    `GET / HTTP/1.1\r\nA: ${'x'.repeat(40_000)}\r\n`,
  ]) {
    const response = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(api.api.port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    expect(response).toMatch(/^HTTP\/1.1 4\d\d /);
  }
  expect((await request(api.api.url).get('/health/live')).status).toBe(200);
});

it('serves its documents without a key and with security headers', async () => {
  const docs = await request(api.api.url).get('/docs');
  expect(docs.status).toBe(200);
  expect(docs.headers['content-security-policy']).toContain("script-src 'self'");
  expect(docs.text).not.toMatch(/<script>|<script [^>]*>[^<\s]/);
  expect(docs.headers['x-content-type-options']).toBe('nosniff');
  expect(docs.headers['x-powered-by']).toBeUndefined();
  const document = await request(api.api.url).get('/openapi.json');
  expect(document.body.openapi).toBe('3.1.1');
});

it('logged no unexpected error during these tests', () => {
  expect(api.api.output()).not.toContain('request failed with an unexpected error');
});
