import { connect } from 'node:net';
import { createApiKey } from '@lamplighter/store/access/api-keys';
import { closeLater } from '@lamplighter/test-kit/resources';
import { MAX_OPEN } from '../../../services/api/src/access/key-limits.js';
import { type StandaloneApi, startStandaloneApi } from '../standalone-api.js';

const RATE = 200;

let api: StandaloneApi;
beforeAll(async () => {
  api = await startStandaloneApi({ env: { API_KEY_RATE: String(RATE) } });
}, 60_000);

const newKey = async () => (await createApiKey(api.store, { scopes: ['read'] })).key;
const get = (key: string, path: string) =>
  fetch(`${api.api.url}${path}`, { headers: { authorization: `Bearer ${key}` } });

it('a key with many event streams leaves streams for the others', async () => {
  const greedy = await newKey();
  const opened = await Promise.all(Array.from({ length: 600 }, () => get(greedy, '/v1/events')));
  closeLater('streams', () => Promise.all(opened.map(async ({ body }) => body?.cancel())));
  const statuses = opened.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(MAX_OPEN.stream);
  const rejected = opened.find(({ status }) => status === 429)!;
  expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  const other = await get(api.key, '/v1/events');
  closeLater('stream', () => other.body?.cancel());
  expect(other.status).toBe(200);
  expect(await api.metric('api_requests_limited_total', 'reason="stream"')).toBeGreaterThan(0);
}, 60_000);

it('a key that sends as fast as it can is limited to its rate, and the others are served', async () => {
  const greedy = await newKey();
  let isOver = false;
  const statuses: number[] = [];
  const flood = async () => {
    while (!isOver) {
      const response = await get(greedy, '/v1/fleets');
      await response.text();
      statuses.push(response.status);
    }
  };
  const since = performance.now();
  const floods = Array.from({ length: 30 }, flood);
  for (let n = 0; n < 30; n += 1) expect((await api.get('/v1/fleets')).status).toBe(200);
  isOver = true;
  await Promise.all(floods);
  const seconds = (performance.now() - since) / 1000;
  const served = statuses.filter((status) => status === 200).length;
  expect(served).toBeLessThanOrEqual(RATE * (seconds + 2) + 1);
  expect(statuses.filter((status) => status === 429)).toHaveLength(statuses.length - served);
}, 60_000);

/** Sends a body for as long as the connection is open; resolves with the response and the bytes that were sent. */
function sendEndlessly(headers: string[], start = ''): Promise<{ response: string; sent: number }> {
  const socket = connect(Number(new URL(api.api.url).port), '127.0.0.1');
  closeLater('socket', () => socket.destroy());
  const head = ['POST /v1/fleets/demo/rules/dry-run HTTP/1.1', 'Host: localhost', ...headers, '', ''];
  const chunk = Buffer.alloc(16_384, ' ');
  let response = '';
  socket.write(head.join('\r\n') + start);
  const send = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('connect', send).on('drain', send);
  socket.on('data', (data) => {
    response += data.toString();
  });
  socket.on('error', () => undefined);
  return new Promise((resolve) =>
    socket.once('close', () => resolve({ response, sent: socket.bytesWritten })),
  );
}

it.each<[what: string, authorization: () => string, status: number]>([
  ['without a key', () => 'lamp_unknown', 401],
  ['that announces too much', () => api.key, 413],
])('a body %s ends the connection instead of being read', async (_what, authorization, status) => {
  const { response, sent } = await sendEndlessly([
    `Authorization: Bearer ${authorization()}`,
    'Content-Type: application/json',
    'Content-Length: 100000000000',
  ]);
  expect(response).toContain(`HTTP/1.1 ${status}`);
  expect(sent).toBeLessThan(20_000_000);
});

it('a body of unknown length ends the connection once it is too large', async () => {
  const { response, sent } = await sendEndlessly(
    [`Authorization: Bearer ${api.key}`, 'Content-Type: application/json', 'Transfer-Encoding: chunked'],
    'ffffffff\r\n',
  );
  expect(response).toContain('HTTP/1.1 413');
  expect(sent).toBeLessThan(20_000_000);
});

it('a short body without a key leaves the connection usable', async () => {
  const socket = connect(Number(new URL(api.api.url).port), '127.0.0.1');
  closeLater('socket', () => socket.destroy());
  let response = '';
  socket.on('data', (data) => {
    response += data.toString();
  });
  const request =
    'POST /v1/fleets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
  socket.write(`${request}${request}${request}`);
  await new Promise<void>((resolve) => {
    socket.on('data', () => {
      if (response.split('HTTP/1.1 401').length === 4) resolve();
    });
  });
});
