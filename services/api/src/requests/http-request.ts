import type { IncomingMessage } from 'node:http';

/** What we use of an Express request, beside Node's. */
export interface HttpRequest extends IncomingMessage {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** As it came, with the query. */
  readonly originalUrl: string;
  /** What was read of it: the bytes, and once they are parsed the value. */
  body?: unknown;
  /** The route that took it. */
  readonly route?: { readonly path: string };
  readonly app: { readonly router: { readonly stack: readonly Layer[] } };
}

/** A layer of the Express router; `route` is set if it is one of the API's paths. */
export interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** Hands a request on, or an error to the problem filter. */
export type Next = (error?: unknown) => void;
