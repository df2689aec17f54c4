import { BOUNDS } from '@lamplighter/contracts/bounds';
import { findUnsafeJson, type UnsafeJson } from '@lamplighter/contracts/json-value';
import { pointerOf } from '@lamplighter/contracts/schema-problem';
import type { FieldError } from '../problems/problem.js';

/** Deepest nesting of a body: the body is level 1, its action level 2, and the action may nest `maxJsonDepth` more. */
export const MAX_DEPTH = BOUNDS.maxJsonDepth + 2;

const DETAILS: Readonly<Record<UnsafeJson['problem'], string>> = {
  depth: `is nested deeper than ${MAX_DEPTH} levels`,
  key: 'is not allowed as a key',
  number: 'is beyond the range of a number',
  surrogate: 'contains a lone surrogate',
};

/** Reports what no schema checks: nesting that exhausts the stack, keys that reach a prototype, and malformed Unicode. */
export function unsafeJsonError(body: unknown): FieldError | undefined {
  const unsafe = findUnsafeJson(body, MAX_DEPTH);
  return unsafe && { in: 'body', pointer: pointerOf(unsafe.path), detail: DETAILS[unsafe.problem] };
}
