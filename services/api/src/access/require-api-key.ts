import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from '../requests/http-request.js';
import { preferredWait } from '../requests/prefer.js';
import type { ApiKeyCheck } from './api-key-check.js';
import type { KeyLimits, Kind } from './key-limits.js';

/** Requires an API key within its limits. Runs before the body is read, so that only clients with a key can send one. */
export function requireApiKey(check: ApiKeyCheck, limits: KeyLimits, metrics: ApiMetrics) {
  return (request: HttpRequest, response: ServerResponse, next: Next): void => {
    response.setHeader('cache-control', 'no-store');
    const text = keyOf(request.headers);
    if (text === undefined) {
      metrics.authFailures.inc({ kind: 'api_key' });
      next(unauthorized('Send an API key as "Authorization: Bearer <key>" or as "X-API-Key: <key>".', ''));
      return;
    }
    check.find(text).then((key) => {
      if (key === undefined) {
        metrics.authFailures.inc({ kind: 'api_key' });
        next(unauthorized('Unknown API key.', ', error="invalid_token"'));
        return;
      }
      try {
        const end = limits.admit(key.id, kindOf(request));
        if (response.closed) end();
        else response.once('close', end);
      } catch (error) {
        next(error);
        return;
      }
      request.apiKey = key;
      next();
    }, next);
  };
}

/** A malformed preference is rejected later. */
function kindOf({ path, headers }: HttpRequest): Kind {
  if (path === '/events' || path === '/events/') return 'stream';
  return preferredWait(headers) === undefined ? 'request' : 'wait';
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
