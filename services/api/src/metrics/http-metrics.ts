import type { ServerResponse } from 'node:http';
import type { HttpRequest, Layer, Next } from '../requests/http-request.js';
import type { ApiMetrics } from './api-metrics.js';

const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD']);
/** Its duration is how long the client stayed connected, so it is not measured; nor are requested waits. */
const STREAM = '/v1/events';
/** The client disconnected before a response, as nginx logs it. */
const HUNG_UP = 499;

/** Counts and times every request by its route template, or `other`, so that paths never become labels. */
export function measureRequests(metrics: ApiMetrics) {
  return (request: HttpRequest, response: ServerResponse, next: Next): void => {
    const start = performance.now();
    response.once('close', () => {
      const route = request.route?.path ?? 'other';
      const method = METHODS.has(request.method) ? request.method : 'other';
      const status = response.headersSent ? response.statusCode : HUNG_UP;
      const labels = { method, route, status_class: `${Math.floor(status / 100)}xx` };
      metrics.requests.inc(labels);
      if (status !== HUNG_UP && route !== STREAM && !response.hasHeader('preference-applied'))
        metrics.requestDuration.observe(labels, (performance.now() - start) / 1000);
    });
    next();
  };
}

/** Exposes the counters of every route at 0, so that the first request shows as an increase. */
export function exposeRoutes(metrics: ApiMetrics, stack: readonly Layer[]): void {
  for (const { route } of stack) {
    if (!route?.path.startsWith('/v1')) continue;
    for (const name of Object.keys(route.methods)) {
      const method = name.toUpperCase();
      for (const status_class of ['2xx', '4xx', '5xx']) {
        metrics.requests.inc({ method, route: route.path, status_class }, 0);
      }
    }
  }
}
