import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { mayReadMetrics } from './metrics-access.js';

/** The reasons why a service is not ready; empty if it is. */
export type Readiness = () => Promise<string[]> | string[];

/**
 * Serves `/metrics`, `/health/live` and `/health/ready` for a service without another HTTP server.
 * @throws PortTaken if the port is in use
 */
export async function serveOperations(options: {
  host: string;
  port: number;
  /** The variable that sets the port. */
  variable: string;
  registry: Registry;
  readiness: Readiness;
}): Promise<Server> {
  const server = createServer((request, response) => {
    const respond = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const json = (status: number, body: object) =>
      respond(status, 'application/json', `${JSON.stringify(body)}\n`);
    const fail = () => json(500, { status: 'error' });
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      json(405, { status: 'only GET and HEAD are allowed' });
    } else if (path === '/health/live') json(200, { status: 'live' });
    else if (path === '/metrics' && !mayReadMetrics(request.headers.authorization)) {
      response.setHeader('www-authenticate', 'Bearer');
      json(401, { status: 'needs the token of METRICS_TOKEN: Authorization: Bearer …' });
    } else if (path === '/metrics') {
      options.registry.metrics().then((text) => respond(200, options.registry.contentType, text), fail);
    } else if (path === '/health/ready') {
      Promise.resolve(options.readiness()).then(
        (reasons) =>
          json(reasons.length === 0 ? 200 : 503, {
            status: reasons.length === 0 ? 'ready' : 'not ready',
            reasons,
          }),
        fail,
      );
    } else json(404, { status: 'not found; try /metrics, /health/live or /health/ready' });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PortTaken(options) : error),
    );
    server.listen(options.port, options.host, resolve);
  });
  return server;
}

/** The port is in use; the message names the variable that sets it. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';
  constructor({ host, port, variable }: { host: string; port: number; variable: string }) {
    super(`port ${port} on ${host} is in use; stop the other process or set ${variable} to another port`);
  }
}
