/** The selector of the replicas that the dashboard's variable names. */
export const REPLICA = 'instance=~"$replica"';

/** Per second, over the window that Grafana takes for the range shown; summed, but for the labels named. */
export function sumRate(series: string, ...by: string[]): string {
  return `${grouped('sum', by)}(rate(lamplighter_${series}[$__rate_interval]))`;
}

/** A quantile of a histogram, over the window that Grafana takes for the range shown. */
export function quantile(
  q: number,
  histogram: string,
  { where = '', by = [] }: { where?: string; by?: readonly string[] } = {},
): string {
  const buckets = `lamplighter_${histogram}_bucket${where && `{${where}}`}`;
  return `histogram_quantile(${q}, ${grouped('sum', ['le', ...by])}(rate(${buckets}[$__rate_interval])))`;
}

/** The mean observation of a histogram. */
export function mean(histogram: string, where = ''): string {
  const part = (suffix: string) => sumRate(`${histogram}_${suffix}${where && `{${where}}`}`);
  return `${part('sum')} / ${part('count')}`;
}

/** How many observations fell into each bucket, over the window that Grafana takes for the range shown. */
export function buckets(histogram: string, where = ''): string {
  return `sum by (le) (increase(lamplighter_${histogram}_bucket${where && `{${where}}`}[$__rate_interval]))`;
}

function grouped(operation: string, by: readonly string[]): string {
  return by.length === 0 ? operation : `${operation} by (${by.join(', ')}) `;
}
