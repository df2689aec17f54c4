import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { HttpRequest } from './http-request.js';

/** How many entries a page of any list holds. */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
export const limitSchema = z.coerce
  .number('must be a whole number')
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(MAX_LIMIT, `must be at most ${MAX_LIMIT}`)
  .default(DEFAULT_LIMIT)
  .meta({ description: 'Most entries in the answer' });

/** Where a page begins: `next` of the page before. */
export const CURSOR = 'Where the page begins: `next` of the page before';

/** In every list's answer. */
export const nextSchema = z.string().optional().meta({
  description:
    'The `cursor` of the following page; absent on the last one. The Link header holds its address.',
});

/** Names the following page in the Link header (RFC 8288). */
export function linkNext(request: HttpRequest, response: ServerResponse, next: string | undefined): void {
  if (next === undefined) return;
  const url = new URL(request.originalUrl, 'http://localhost');
  url.searchParams.set('cursor', next);
  response.setHeader('Link', `<${url.pathname}${url.search}>; rel="next"`);
}
