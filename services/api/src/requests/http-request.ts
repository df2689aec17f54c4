import type { IncomingMessage } from 'node:http';
import type { ApiKey } from '@lamplighter/store/access/api-key';

/** The parts of an Express request used here, in addition to Node's. */
export interface HttpRequest extends IncomingMessage {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** As received, with the query. */
  readonly originalUrl: string;
  /** The bytes, or once they are parsed the value. */
  body?: unknown;
  /** Its API key, once that is checked; undefined for paths that need none. */
  apiKey?: ApiKey;
  /** Of the matched route. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  /** The matched route. */
  readonly route?: { readonly path: string };
  readonly app: { readonly router: { readonly stack: readonly Layer[] } };
}

/** A layer of the Express router; `route` is set if it is one of the API's paths. */
export interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
  match(path: string): boolean;
}

/** Passes the request to the next middleware, or an error to the problem filter. */
export type Next = (error?: unknown) => void;
