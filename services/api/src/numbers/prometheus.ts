import { labelledQuery, promiseNumbers } from '@lamplighter/service-kit/promise-numbers';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../foundation/config.js';
import { CONFIG } from '../foundation/tokens.js';
import { SPAN_MS, STEP_MS } from './numbers.schema.js';

const QUERY = labelledQuery(promiseNumbers());
const TIMEOUT_MS = 2000;
/** All clients share a response for this long, so that open consoles do not multiply the queries. */
const CACHED_MS = 2000;

/** A series of a range query. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** An alert as Prometheus lists it. */
export interface PrometheusAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: string;
  readonly activeAt: string;
}

export interface PrometheusNumbers {
  readonly at: number;
  readonly series: readonly Series[];
  readonly alerts: readonly PrometheusAlert[];
}

/** Reads the promise numbers and the alerts from Prometheus. */
@Injectable()
export class Prometheus {
  private readonly url: string | undefined;
  private recent: { readonly at: number; readonly numbers: Promise<PrometheusNumbers | string> } | undefined;

  constructor(@Inject(CONFIG) { PROMETHEUS_URL }: Config) {
    this.url = PROMETHEUS_URL?.replace(/[/]+$/, '');
  }

  /** The numbers of the last 15 minutes, or a sentence that explains why there are none. */
  async read(): Promise<PrometheusNumbers | string> {
    const { url } = this;
    if (url === undefined) return 'Prometheus is not configured: set PROMETHEUS_URL of the api.';
    if (this.recent === undefined || Date.now() - this.recent.at > CACHED_MS)
      this.recent = { at: Date.now(), numbers: readFrom(url) };
    return this.recent.numbers;
  }
}

async function readFrom(url: string): Promise<PrometheusNumbers | string> {
  const at = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const range = new URLSearchParams({
    query: QUERY,
    start: String((at - SPAN_MS) / 1000),
    end: String(at / 1000),
    step: String(STEP_MS / 1000),
  });
  try {
    const [numbers, alerts] = await Promise.all([
      request<{ result: Series[] }>(`${url}/api/v1/query_range`, { method: 'POST', body: range }),
      request<{ alerts: PrometheusAlert[] }>(`${url}/api/v1/alerts`),
    ]);
    return { at, series: numbers.result, alerts: alerts.alerts };
  } catch (error) {
    if (!isFailedRequest(error)) throw error;
    return 'Prometheus does not respond: see its log, or correct PROMETHEUS_URL of the api.';
  }
}

async function request<Data>(url: string, options: RequestInit = {}): Promise<Data> {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { data } = (await response.json()) as { data?: Data };
  if (data === undefined) throw new TypeError(`Prometheus returned status ${response.status}`);
  return data;
}

/** Whether fetch failed, timed out, or received something other than JSON. */
function isFailedRequest(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof SyntaxError ||
    (error instanceof DOMException && error.name === 'TimeoutError')
  );
}
