import { setTimeout as wait } from 'node:timers/promises';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';

/** What the API answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whoever asks knows what the API answers there
  readonly body: any;
}

export interface ApiRequest {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** How long one answer may take, milliseconds. */
const ANSWER_MS = 5000;
const RETRY: Backoff = { firstMs: 50, maxMs: 1000 };

/** A client of the API that expects it to be broken. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  /** Asks once. Throws if nobody answers, or too late. */
  async ask(
    method: string,
    path: string,
    { body, headers = {}, signal }: ApiRequest = {},
  ): Promise<ApiAnswer> {
    const tooLate = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? tooLate : AbortSignal.any([signal, tooLate]),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  get(path: string): Promise<ApiAnswer> {
    return this.ask('GET', path);
  }

  /** Asks until somebody answers and it is not about the server (5xx), with growing pauses. Ends when it is aborted. */
  async insist(
    method: string,
    path: string,
    request: ApiRequest & { signal: AbortSignal },
  ): Promise<ApiAnswer> {
    for (let failures = 0; ; failures += 1) {
      request.signal.throwIfAborted();
      try {
        const answer = await this.ask(method, path, request);
        if (answer.status < 500) return answer;
      } catch {
        // away, broken or too slow: again
      }
      await wait(backoffMs(failures, RETRY), undefined, { signal: request.signal });
    }
  }
}
