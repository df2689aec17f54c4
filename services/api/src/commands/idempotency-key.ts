import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../problems/problem.js';

/** Visible ASCII, which includes UUIDs and the quoted strings of the IETF draft. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The request's Idempotency-Key, if it has one.
 * @throws Problem `invalid-request` if it is malformed
 */
export function idempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw new Problem('invalid-request', 'The Idempotency-Key header is not valid; see errors.', {
    errors: [
      { in: 'header', pointer: '/Idempotency-Key', detail: 'must be 1 to 255 visible ASCII characters' },
    ],
  });
}
