import { readFileSync } from 'node:fs';

/** The samples of one scrape of /metrics. */
export interface Samples {
  /** The sum of a metric's samples with a label; undefined if there are none. */
  sum(metric: string, label?: string): number | undefined;
  /** A quantile of the observations of a histogram since an earlier scrape; undefined if there are none. */
  quantile(share: number, histogram: string, before: Samples): number | undefined;
}

/** Parses the text format of Prometheus. */
export function readSamples(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const samplesOf = (metric: string) =>
    lines
      .filter(
        (line) => line.startsWith(metric) && (line[metric.length] === '{' || line[metric.length] === ' '),
      )
      .map((line) => ({ line, value: Number(line.slice(line.lastIndexOf(' ') + 1)) }))
      .filter(({ value }) => Number.isFinite(value));
  const samples: Samples = {
    sum(metric, label = '') {
      const found = samplesOf(metric).filter(({ line }) => line.includes(label));
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
    },
    quantile(share, histogram, before) {
      const bounds = samplesOf(`${histogram}_bucket`).map(({ line }) => /le="([^"]+)"/.exec(line)?.[1] ?? '');
      const counts = bounds.map((bound) => {
        const [now, then] = [samples, before].map(
          (one) => one.sum(`${histogram}_bucket`, `le="${bound}"`) ?? 0,
        );
        return now! - then!;
      });
      return quantileOf(share, bounds.map(boundOf), counts);
    },
  };
  return samples;
}

const boundOf = (text: string) => (text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text));

/** Interpolates linearly within the bucket of the quantile, as Prometheus does. */
function quantileOf(share: number, bounds: readonly number[], counts: readonly number[]): number | undefined {
  const rank = share * (counts.at(-1) ?? 0);
  if (!(rank > 0)) return undefined;
  const bucket = counts.findIndex((count) => count >= rank);
  const [from, to] = [bounds[bucket - 1] ?? 0, bounds[bucket]!];
  if (to === Number.POSITIVE_INFINITY) return from;
  const below = counts[bucket - 1] ?? 0;
  return from + ((to - from) * (rank - below)) / (counts[bucket]! - below);
}

/** The headers of a request for metrics: with the token of METRICS_TOKEN_FILE, if that is set. */
export function metricsHeaders(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const file = env.METRICS_TOKEN_FILE;
  return file ? { authorization: `Bearer ${readFileSync(file, 'utf8').trim()}` } : {};
}
