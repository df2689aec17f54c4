import type { Document } from '../document.js';
import { substituteVariables } from '../queries.js';
import type { Prometheus, Series, TimeRange } from './prometheus.js';

/** A dashboard with the data that its picture shows. */
export interface DashboardData {
  readonly document: Document;
  /** The origin of the data, for the caption. */
  readonly source: string;
  readonly range: TimeRange;
  /** Panel → query → series. */
  readonly series: Readonly<Record<number, readonly (readonly Series[])[]>>;
  /** The times of each annotation. */
  readonly annotations: readonly {
    readonly name: string;
    readonly color: string;
    readonly times: readonly number[];
  }[];
}

/** Grafana's rate interval spans at least four scrapes, so that a lost one leaves no gap. */
const SCRAPE_SECONDS = 5;
const RATE_SCRAPES = 4;

/** Runs all queries of a dashboard. */
export async function collectData(
  document: Document,
  prometheus: Prometheus,
  origin: Pick<DashboardData, 'source' | 'range'>,
): Promise<DashboardData> {
  const { range } = origin;
  const step = range.step;
  const rateInterval = Math.max(step + SCRAPE_SECONDS, RATE_SCRAPES * SCRAPE_SECONDS);
  const seriesOfPanels: Record<number, readonly Series[][]> = {};
  for (const { id, targets = [] } of document.panels) {
    const all: Series[][] = [];
    for (const { expr, instant } of targets) {
      const query = substituteVariables(expr, { rateInterval, step });
      all.push(await (instant ? prometheus.instant(query, range.to) : prometheus.range(query, range)));
    }
    seriesOfPanels[id] = all;
  }
  const annotations = [];
  for (const { name, iconColor, expr } of document.annotations.list) {
    const series = await prometheus.range(substituteVariables(expr, { rateInterval, step }), range);
    annotations.push({ name, color: iconColor, times: startsOf(series, range) });
  }
  return { ...origin, document, series: seriesOfPanels, annotations };
}

/** Grafana shows consecutive values as one annotation. Those that started before the range are left out. */
function startsOf(series: readonly Series[], { from, step }: TimeRange): number[] {
  const times = series.flatMap(({ values }) =>
    values.flatMap((value, index) =>
      value !== null && index > 0 && values[index - 1] === null ? [from + index * step] : [],
    ),
  );
  return [...new Set(times)].sort((a, b) => a - b);
}
