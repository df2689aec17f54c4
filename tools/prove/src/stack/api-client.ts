import { setTimeout as wait } from 'node:timers/promises';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';

/** A response of the API. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: callers know the schema of the endpoint
  readonly body: any;
}

export interface ApiRequest {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Longest time to wait for a response, milliseconds. */
const TIMEOUT_MS = 5000;
const RETRY: Backoff = { firstMs: 50, maxMs: 1000 };

/** An API client that tolerates outages. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  /** Sends one request. Throws if no response comes in time. */
  async request(
    method: string,
    path: string,
    { body, headers = {}, signal }: ApiRequest = {},
  ): Promise<ApiResponse> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  get(path: string): Promise<ApiResponse> {
    return this.request('GET', path);
  }

  /** Retries with growing pauses until the response is not a server error (5xx). Rejects when aborted. */
  async requestUntilAnswered(
    method: string,
    path: string,
    request: ApiRequest & { signal: AbortSignal },
  ): Promise<ApiResponse> {
    for (let failures = 0; ; failures += 1) {
      request.signal.throwIfAborted();
      try {
        const response = await this.request(method, path, request);
        if (response.status < 500) return response;
      } catch {
        // unavailable or too slow: retry
      }
      await wait(backoffMs(failures, RETRY), undefined, { signal: request.signal });
    }
  }
}
