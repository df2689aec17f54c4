import { isUtf8 } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import { pointerOf } from '@lamplighter/contracts/schema-problem';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from './http-request.js';
import { maxBodyValues } from './json-body.js';
import { excessIn } from './json-size.js';
import { repeatedKey } from './repeated-key.js';
import { unsafeInteger } from './unsafe-integer.js';
import { MAX_DEPTH } from './unsafe-json.js';

/**
 * Parses the body. Rejects input that `JSON.parse` would silently change, as telemetry does: invalid UTF-8, repeated keys, and
 * integers beyond 2^53.
 */
export function parseJson(request: HttpRequest, _response: ServerResponse, next: Next): void {
  try {
    if (Buffer.isBuffer(request.body)) request.body = valueIn(request.body, maxBodyValues(request));
    next();
  } catch (error) {
    next(error);
  }
}

/** @throws Problem `malformed-json`, `invalid-request`, `body-too-large` */
function valueIn(bytes: Buffer, maxValues: number): unknown {
  // Clients may send Content-Type: application/json and no body; the schema then reports what is missing.
  if (bytes.length === 0) return {};
  const excess = excessIn(bytes, maxValues);
  if (excess !== undefined) throw new Problem('body-too-large', `The body is too large: ${excess}.`);
  const text = textOf(bytes);
  const value = parsed(text);
  const repeated = repeatedKey(text, MAX_DEPTH);
  const unsafe = unsafeInteger(text);
  if (unsafe !== undefined)
    throw new Problem('invalid-request', 'The body has 1 invalid field; see errors.', {
      errors: [
        {
          in: 'body',
          pointer: pointerOf(unsafe.path),
          detail: `${unsafe.text} is beyond 2^53 and would become ${Number(unsafe.text)}; send it as a string`,
        },
      ],
    });
  if (repeated === undefined) return value;
  throw new Problem('invalid-request', 'The body has 1 invalid field; see errors.', {
    errors: [{ in: 'body', pointer: pointerOf(repeated), detail: 'appears more than once' }],
  });
}

function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new Problem('malformed-json', 'The body is not UTF-8.');
  return new TextDecoder().decode(bytes);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Problem('malformed-json', `${error.message}.`);
  }
}
