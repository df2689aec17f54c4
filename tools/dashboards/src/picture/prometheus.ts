/** One series, with a value for each step; null if there is none. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
}

/** Unix times in seconds. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

interface ApiResponse {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values?: readonly (readonly [number, string])[];
      readonly value?: readonly [number, string];
    }[];
  };
}

/** A client of the Prometheus HTTP API. */
export class Prometheus {
  constructor(private readonly url: string) {}

  /** @throws if Prometheus rejects the query */
  async range(expr: string, { from, to, step }: TimeRange): Promise<Series[]> {
    const { result } = await this.query('query_range', { query: expr, start: from, end: to, step });
    const points = Math.floor((to - from) / step) + 1;
    return result.map(({ metric, values = [] }) => {
      const filled: (number | null)[] = new Array(points).fill(null);
      for (const [time, text] of values) filled[Math.round((time - from) / step)] = finite(text);
      return { labels: metric, values: filled };
    });
  }

  /** One value per series at the given time. @throws if Prometheus rejects the query */
  async instant(expr: string, time: number): Promise<Series[]> {
    const { result } = await this.query('query', { query: expr, time });
    return result.map(({ metric, value }) => ({ labels: metric, values: [finite(value?.[1] ?? 'NaN')] }));
  }

  private async query(
    path: string,
    parameters: Record<string, string | number>,
  ): Promise<ApiResponse['data']> {
    const form = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) form.set(name, String(value));
    const response = await fetch(`${this.url}/api/v1/${path}`, { method: 'POST', body: form });
    const body = (await response.json()) as ApiResponse;
    if (body.status !== 'success') throw new Error(`${body.error}: ${parameters.query}`);
    return body.data;
  }
}

function finite(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
