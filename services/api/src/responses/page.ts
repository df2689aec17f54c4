import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { HttpRequest } from '../requests/http-request.js';

/** Page size of every list. */
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
export const limitSchema = z.coerce
  .number('must be a whole number')
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(MAX_LIMIT, `must be at most ${MAX_LIMIT}`)
  .default(DEFAULT_LIMIT)
  .meta({ description: 'Maximum number of entries to return' });

/** Description of every `cursor` parameter. */
export const CURSOR = '`next` of the previous page';

/** `next` in the response of every list. */
export const nextSchema = z.string().optional().meta({
  description: 'The `cursor` of the next page; absent on the last page. The Link header has its URL.',
});

/** Adds the URL of the next page as a Link header (RFC 8288). */
export function linkNext(request: HttpRequest, response: ServerResponse, next: string | undefined): void {
  if (next === undefined) return;
  const url = new URL(request.originalUrl, 'http://localhost');
  url.searchParams.set('cursor', next);
  response.setHeader('Link', `<${url.pathname}${url.search}>; rel="next"`);
}
