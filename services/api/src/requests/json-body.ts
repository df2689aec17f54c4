import type { ServerResponse } from 'node:http';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from './http-request.js';

/** Largest body that is read, bytes; and where a recording may be in it. */
const MAX_BODY_BYTES = 65_536;
const MAX_RECORDING_BYTES = 2_097_152;
const WITH_RECORDING = /^\/v1\/fleets\/[^/]+\/rules\/[^/]+\/diff\/?(\?|$)/;

const WITH_BODY = new Set(['POST', 'PUT']);
const UTF_8 = /^charset="?utf-?8"?\s*$/;

/** Options of those who read bodies into memory, of which the first one that takes a body reads it. */
export const BODY_READERS = [
  {
    limit: MAX_RECORDING_BYTES,
    type: (request: HttpRequest) => bringsJson(request) && maxBodyBytes(request) === MAX_RECORDING_BYTES,
  },
  { limit: MAX_BODY_BYTES, type: bringsJson },
];

/** The largest body that this request may have, bytes. */
export function maxBodyBytes({ originalUrl }: Pick<HttpRequest, 'originalUrl'>): number {
  return WITH_RECORDING.test(originalUrl) ? MAX_RECORDING_BYTES : MAX_BODY_BYTES;
}

/** Refuses bodies that are not declared as JSON; they would be left unread. */
export function refuseOtherBodies(request: HttpRequest, _response: ServerResponse, next: Next): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!WITH_BODY.has(request.method) || !hasBody || bringsJson(request)) next();
  else {
    const type = request.headers['content-type'];
    next(
      new Problem(
        'unsupported-media-type',
        `The body is ${type ? `declared as ${JSON.stringify(type)}` : 'of no declared type'}; send Content-Type: application/json, in UTF-8.`,
      ),
    );
  }
}

/** Whether the request comes with a body for us: JSON, which is UTF-8 (RFC 8259, 8.1). */
function bringsJson({ method, headers }: Pick<HttpRequest, 'method' | 'headers'>): boolean {
  const [type, ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;\s*/);
  const charsets = parameters.filter((parameter) => parameter.startsWith('charset='));
  return (
    WITH_BODY.has(method) &&
    type?.trim() === 'application/json' &&
    charsets.every((charset) => UTF_8.test(charset))
  );
}
