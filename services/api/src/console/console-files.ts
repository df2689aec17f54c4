import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import sirv from 'sirv';
import type { HttpRequest, Next } from '../requests/http-request.js';

/** Built by scripts/console.mjs. */
const FOLDER = fileURLToPath(new URL('../../../console/dist/', import.meta.url));
/** The addresses of pages, which all load the same document; the console shows the page of its address. */
const PAGE = /^[/]($|[?]|fleets($|[/?]))/;
const FILE = /^[/](assets[/]|icon[.]svg$)/;
/** Their names contain a hash of their content, so they never change. */
const ASSETS = '/assets/';
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** Nothing from other hosts, no inline script, no eval, and no page may embed the console. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves the files of the console, and its document for the addresses of its pages. */
export function serveConsole(folder = FOLDER) {
  const files = sirv(folder, {
    // Looks for the file at each request, so that a new build needs no restart.
    dev: true,
    etag: true,
    gzip: true,
    brotli: true,
    setHeaders: (response, path) =>
      response.setHeader('Cache-Control', path.startsWith(ASSETS) ? IMMUTABLE : 'no-cache'),
  });
  return (request: HttpRequest, response: ServerResponse, next: Next): void => {
    const { method, url = '/' } = request;
    if ((method !== 'GET' && method !== 'HEAD') || !(PAGE.test(url) || FILE.test(url))) {
      next();
      return;
    }
    response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    response.setHeader('X-Frame-Options', 'DENY');
    if (PAGE.test(url)) request.url = '/';
    files(request, response, () => {
      request.url = url;
      next();
    });
  };
}
