import { z } from 'zod';
import { BOUNDS } from './bounds.js';

/** Keys that would reach an object's prototype. */
export const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Whether a value from JSON.parse is safe to hand on: no key that reaches a prototype, no lone surrogate, and nested at most
 * `levels` deep (a scalar is level 0). The bound also bounds the recursion.
 */
export function isSafeJson(value: unknown, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isSafeJson(item, levels - 1));
  return Object.keys(value).every(
    (key) =>
      !FORBIDDEN_KEYS.has(key) && key.isWellFormed() && isSafeJson(Reflect.get(value, key), levels - 1),
  );
}

/**
 * Any JSON value of bounded depth; `z.json()` has no bound, and a deep enough value exhausts its stack.
 * `abort` keeps the checks of whatever holds the value from walking it.
 */
export const jsonValueSchema = z.unknown().refine((value) => isSafeJson(value, BOUNDS.maxJsonDepth), {
  error: `must be JSON of at most ${BOUNDS.maxJsonDepth} levels, without keys such as "__proto__"`,
  abort: true,
});
