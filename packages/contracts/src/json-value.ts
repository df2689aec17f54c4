import { z } from 'zod';
import { BOUNDS } from './bounds.js';

/** Keys that would reach an object's prototype. */
export const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** What makes a JSON value unsafe, and where. */
export interface UnsafeJson {
  readonly path: string[];
  readonly problem: 'depth' | 'key' | 'number' | 'surrogate';
}

/**
 * The first part of a value from JSON.parse that is unsafe to pass on: a key that reaches a prototype, a lone surrogate, a number
 * that is not finite, or nesting deeper than `levels` (a scalar is level 0). The bound also bounds the recursion.
 */
export function findUnsafeJson(value: unknown, levels: number): UnsafeJson | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : { path: [], problem: 'surrogate' };
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : { path: [], problem: 'number' };
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return { path: [], problem: 'depth' };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) {
      const found = findUnsafeJson(value[i], levels - 1);
      if (found !== undefined) return within(String(i), found);
    }
    return undefined;
  }
  for (const key of Object.keys(value)) {
    if (FORBIDDEN_KEYS.has(key)) return { path: [key], problem: 'key' };
    if (!key.isWellFormed()) return { path: [key], problem: 'surrogate' };
    const found = findUnsafeJson(Reflect.get(value, key), levels - 1);
    if (found !== undefined) return within(key, found);
  }
  return undefined;
}

function within(key: string, { path, problem }: UnsafeJson): UnsafeJson {
  return { path: [key, ...path], problem };
}

/** Whether a value from JSON.parse is safe to pass on; see findUnsafeJson. */
export function isSafeJson(value: unknown, levels: number): boolean {
  return findUnsafeJson(value, levels) === undefined;
}

/**
 * Any JSON value of bounded depth; `z.json()` has no bound, and a deep enough value exhausts its stack.
 * `abort` prevents later checks of the containing schema from traversing the value.
 */
export const jsonValueSchema = z.unknown().refine((value) => isSafeJson(value, BOUNDS.maxJsonDepth), {
  error: `must be JSON of at most ${BOUNDS.maxJsonDepth} levels, without keys such as "__proto__"`,
  abort: true,
});
