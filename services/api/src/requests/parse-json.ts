import type { ServerResponse } from 'node:http';
import { pointerOf } from '@lamplighter/contracts/schema-problem';
import { Problem } from '../problems/problem.js';
import type { HttpRequest, Next } from './http-request.js';
import { repeatedKey } from './repeated-key.js';
import { unsafeInteger } from './unsafe-integer.js';
import { MAX_DEPTH } from './unsafe-json.js';

/**
 * Makes a value of the bytes that were read. What a parser would quietly make something else of is refused, as it is in
 * telemetry: bytes that are no UTF-8, a key that is there twice, and integers beyond 2^53.
 */
export function parseJson(request: HttpRequest, _response: ServerResponse, next: Next): void {
  try {
    if (Buffer.isBuffer(request.body)) request.body = valueIn(request.body);
    next();
  } catch (error) {
    next(error);
  }
}

/** @throws Problem `malformed-json`, `invalid-request` */
function valueIn(bytes: Buffer): unknown {
  // Clients say Content-Type: application/json and send nothing: the schema says what is missing.
  if (bytes.length === 0) return {};
  const text = textOf(bytes);
  const value = parsed(text);
  const twice = repeatedKey(text, MAX_DEPTH);
  const unsafe = unsafeInteger(text);
  if (unsafe !== undefined)
    throw new Problem('invalid-request', 'The body has 1 field that is not valid; see errors.', {
      errors: [
        {
          in: 'body',
          pointer: pointerOf(unsafe.path),
          detail: `${unsafe.text} is beyond 2^53, and would become ${Number(unsafe.text)}; send it as a text`,
        },
      ],
    });
  if (twice === undefined) return value;
  throw new Problem('invalid-request', 'The body has 1 field that is not valid; see errors.', {
    errors: [{ in: 'body', pointer: pointerOf(twice), detail: 'is there more than once' }],
  });
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem('malformed-json', 'The body is not UTF-8.');
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('malformed-json', `${(error as Error).message}.`);
  }
}
