import { BOUNDS } from '@lamplighter/contracts/bounds';
import { pointerOf } from '@lamplighter/contracts/schema-problem';
import type { FieldError } from '../problems/problem.js';

/** Deepest nesting of a body, and so of a path: the body is level 1, its action level 2, what the action holds below. */
export const MAX_DEPTH = BOUNDS.maxJsonDepth + 2;

/** Keys that would reach an object's prototype somewhere down the line. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** What no schema looks for: nesting that exhausts the stack, keys that reach a prototype, text that is no Unicode. */
export function findUnsafeJson(body: unknown): FieldError | undefined {
  const open: { value: unknown; path: readonly string[] }[] = [{ value: body, path: [] }];
  const found = (path: readonly string[], detail: string): FieldError => ({
    in: 'body',
    pointer: pointerOf(path),
    detail,
  });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (typeof value === 'string' && !value.isWellFormed()) return found(path, 'has half a surrogate pair');
    if (typeof value !== 'object' || value === null) continue;
    if (path.length >= MAX_DEPTH) return found(path, `is nested deeper than ${MAX_DEPTH} levels`);
    for (const [key, inner] of Object.entries(value)) {
      const at = [...path, key];
      if (FORBIDDEN_KEYS.has(key)) return found(at, 'is not allowed as a key');
      if (!key.isWellFormed()) return found(at, 'has half a surrogate pair');
      if (typeof inner === 'string' || typeof inner === 'object') open.push({ value: inner, path: at });
    }
  }
  return undefined;
}
