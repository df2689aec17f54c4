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
  return (method: string, path: string, authorization?: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(authorization !== undefined && { headers: { authorization } }),
    });
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

it('needs METRICS_TOKEN for the metrics, and for nothing else', async () => {
  process.env.METRICS_TOKEN = 'k7Qp2ZxW9rTb4LsVd';
  try {
    const send = await serve([]);
    const { status, headers } = await send('GET', '/metrics');
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await send('GET', '/metrics', 'Bearer wrong')).status).toBe(401);
    expect((await send('GET', '/metrics', 'Bearer k7Qp2ZxW9rTb4LsVd')).status).toBe(200);
    expect((await send('GET', '/health/ready')).status).toBe(200);
  } finally {
    delete process.env.METRICS_TOKEN;
  }
});
