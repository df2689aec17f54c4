import { MAX_DEPTH } from './unsafe-json.js';

/** An integer of a JSON text that a number cannot represent exactly, and its path. */
export interface UnsafeInteger {
  readonly path: readonly (string | number)[];
  readonly text: string;
}

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]/g;

/**
 * The first integer beyond 2^53 of a JSON text, which `JSON.parse` would silently change. Fractions and exponents may be rounded.
 * @param text valid JSON
 */
export function unsafeInteger(text: string): UnsafeInteger | undefined {
  if (!/\d{16}/.test(text)) return undefined;
  const path: (string | number)[] = [];
  let latest = '';
  for (const [token] of text.matchAll(TOKENS)) {
    const here = path.length - 1;
    const at = path[here];
    if (token === '{') path.push('');
    else if (token === '[') path.push(0);
    else if (token === '}' || token === ']') path.pop();
    else if (token === ':') path[here] = JSON.parse(latest) as string;
    else if (token === ',') path[here] = typeof at === 'number' ? at + 1 : at!;
    else if (token.startsWith('"')) latest = token;
    else if (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)))
      return { path: [...path], text: token };
    if (path.length > MAX_DEPTH) return undefined;
  }
  return undefined;
}
