import type { ServerResponse } from 'node:http';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from './http-request.js';

/** Largest accepted body, bytes; larger where it may contain a recording. */
const MAX_BODY_BYTES = 65_536;
const MAX_RECORDING_BYTES = 2_097_152;
/** Values in a body; the largest recording, 20,000 readings in 2 MB, has fewer. */
const MAX_VALUES = 10_000;
const MAX_RECORDING_VALUES = 200_000;
const WITH_RECORDING = /^\/v1\/fleets\/[^/]+\/rules\/[^/]+\/diff\/?(\?|$)/;

const WITH_BODY = new Set(['POST', 'PUT']);
const UTF_8 = /^charset="?utf-?8"?\s*$/;

/** Options of the body parsers; the first whose `type` matches reads the body. */
export const BODY_READERS = [
  {
    limit: MAX_RECORDING_BYTES,
    type: (request: HttpRequest) => hasJsonBody(request) && maxBodyBytes(request) === MAX_RECORDING_BYTES,
  },
  { limit: MAX_BODY_BYTES, type: hasJsonBody },
];

/** The largest body accepted for this request, bytes. */
export function maxBodyBytes({ originalUrl }: Pick<HttpRequest, 'originalUrl'>): number {
  return WITH_RECORDING.test(originalUrl) ? MAX_RECORDING_BYTES : MAX_BODY_BYTES;
}

/** The most JSON values accepted in the body of this request. */
export function maxBodyValues(request: Pick<HttpRequest, 'originalUrl'>): number {
  return maxBodyBytes(request) === MAX_RECORDING_BYTES ? MAX_RECORDING_VALUES : MAX_VALUES;
}

/** Rejects bodies that are not declared as JSON, which no parser would read. */
export function rejectOtherBodies(request: HttpRequest, _response: ServerResponse, next: Next): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!WITH_BODY.has(request.method) || !hasBody || hasJsonBody(request)) next();
  else {
    const type = request.headers['content-type'];
    next(
      new Problem(
        'unsupported-media-type',
        `Content-Type is ${type ? JSON.stringify(type) : 'missing'}; send application/json in UTF-8.`,
      ),
    );
  }
}

/**
 * Rejects a body that is too large as soon as that is known. The parser would first read all of it.
 */
export function limitBody(request: HttpRequest, _response: ServerResponse, next: Next): void {
  const max = maxBodyBytes(request);
  const reject = () => next(new Problem('body-too-large', `The body must not exceed ${max / 1024} kB.`));
  if (Number(request.headers['content-length'] ?? 0) > max) {
    reject();
    return;
  }
  if (request.headers['transfer-encoding'] !== undefined) {
    let length = 0;
    const count = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= max) return;
      request.off('data', count);
      reject();
    };
    request.on('data', count);
  }
  next();
}

/** Whether the request has a JSON body in UTF-8 (RFC 8259, 8.1). */
function hasJsonBody({ method, headers }: Pick<HttpRequest, 'method' | 'headers'>): boolean {
  const [type, ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;\s*/);
  const charsets = parameters.filter((parameter) => parameter.startsWith('charset='));
  return (
    WITH_BODY.has(method) &&
    type?.trim() === 'application/json' &&
    charsets.every((charset) => UTF_8.test(charset))
  );
}
