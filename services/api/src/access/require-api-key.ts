import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from '../requests/http-request.js';
import type { ApiKeyCheck } from './api-key-check.js';

/** Requires an API key. Runs before the body is read, so that only clients with a key can send one. */
export function requireApiKey(check: ApiKeyCheck, metrics: ApiMetrics) {
  return (request: HttpRequest, response: ServerResponse, next: Next): void => {
    response.setHeader('cache-control', 'no-store');
    const key = keyOf(request.headers);
    if (key === undefined) {
      metrics.authFailures.inc({ kind: 'api_key' });
      next(unauthorized('Send an API key as "Authorization: Bearer <key>" or as "X-API-Key: <key>".', ''));
      return;
    }
    check.accepts(key).then((accepted) => {
      if (accepted) return next();
      metrics.authFailures.inc({ kind: 'api_key' });
      return next(unauthorized('Unknown API key.', ', error="invalid_token"'));
    }, next);
  };
}

/** The API key of a request, if it has one. */
export function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const [, bearer] = /^bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const header = headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : undefined);
}

function unauthorized(detail: string, error: string): Problem {
  return new Problem(
    'unauthorized',
    detail,
    {},
    { 'WWW-Authenticate': `Bearer realm="lamplighter"${error}` },
  );
}
