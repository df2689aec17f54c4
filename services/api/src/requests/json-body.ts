import type { ServerResponse } from 'node:http';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from './http-request.js';

/** Largest body that is read, bytes; and where a recording may be in it. */
const MAX_BODY_BYTES = 65_536;
const MAX_RECORDING_BYTES = 2_097_152;
const WITH_RECORDING = /^\/v1\/fleets\/[^/]+\/rules\/[^/]+\/diff\/?(\?|$)/;

const WITH_BODY = new Set(['POST', 'PUT']);

/**
 * Options of the JSON parsers, of which the first one that takes a body reads it: any JSON value is parsed, so that the schema may
 * say what is wrong with it.
 */
export const JSON_PARSERS = [
  {
    limit: MAX_RECORDING_BYTES,
    strict: false,
    type: (request: HttpRequest) => isJson(request) && maxBodyBytes(request) === MAX_RECORDING_BYTES,
  },
  { limit: MAX_BODY_BYTES, strict: false, type: isJson },
];

/** The largest body that this request may have, bytes. */
export function maxBodyBytes({ originalUrl }: Pick<HttpRequest, 'originalUrl'>): number {
  return WITH_RECORDING.test(originalUrl) ? MAX_RECORDING_BYTES : MAX_BODY_BYTES;
}

/** Refuses bodies that are not declared as JSON; the parser would leave them unread. */
export function refuseOtherBodies(request: HttpRequest, _response: ServerResponse, next: Next): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!WITH_BODY.has(request.method) || !hasBody || isJson(request)) next();
  else {
    const type = request.headers['content-type'];
    next(
      new Problem(
        'unsupported-media-type',
        `The body is ${type ? `declared as ${JSON.stringify(type)}` : 'of no declared type'}; send Content-Type: application/json.`,
      ),
    );
  }
}

function isJson(request: Pick<HttpRequest, 'headers'>): boolean {
  return /^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '');
}
