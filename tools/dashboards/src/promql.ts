/** Selects the replicas chosen in the variable Replica. */
export const REPLICA = 'instance=~"$replica"';

/** The rate per second over Grafana's rate interval, summed by the given labels. */
export function sumRate(series: string, ...by: string[]): string {
  return `${grouped('sum', by)}(rate(lamplighter_${series}[$__rate_interval]))`;
}

/** A quantile of a histogram over Grafana's rate interval. */
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

/** Observations per bucket over Grafana's rate interval. */
export function buckets(histogram: string, where = ''): string {
  return `sum by (le) (increase(lamplighter_${histogram}_bucket${where && `{${where}}`}[$__rate_interval]))`;
}

function grouped(operation: string, by: readonly string[]): string {
  return by.length === 0 ? operation : `${operation} by (${by.join(', ')}) `;
}
