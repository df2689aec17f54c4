import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { serveOperations } from './operations-server.js';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(reasons: string[]) {
  const options = { host: '127.0.0.1', port: 0, variable: 'RULES_PORT', registry: new Registry() };
  server = await serveOperations({ ...options, readiness: () => reasons });
  const { port } = server.address() as AddressInfo;
  return (method: string, path: string) => fetch(`http://127.0.0.1:${port}${path}`, { method });
}

it.each([
  ['/health/live', [], 200],
  ['/health/ready', [], 200],
  ['/health/ready', ['Redis is unavailable'], 503],
  ['/metrics', [], 200],
  ['/health/ready?verbose', [], 200],
  ['/', [], 404],
])('responds to %s with problems %j with %d, and to HEAD without a body', async (path, reasons, status) => {
  const send = await serve(reasons);
  expect((await send('GET', path)).status).toBe(status);
  const head = await send('HEAD', path);
  expect([head.status, await head.text()]).toEqual([status, '']);
});

it('lists the allowed methods', async () => {
  const send = await serve([]);
  const rejected = await send('POST', '/metrics');
  expect([rejected.status, rejected.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});
