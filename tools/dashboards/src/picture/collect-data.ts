import type { Document } from '../document.js';
import { substituteVariables } from '../queries.js';
import type { Prometheus, Series, TimeRange } from './prometheus.js';

/** A dashboard with everything that its picture shows. */
export interface DashboardData {
  readonly document: Document;
  /** Where the data is from, in words. */
  readonly source: string;
  readonly range: TimeRange;
  /** Panel → query → series. */
  readonly answers: Readonly<Record<number, readonly (readonly Series[])[]>>;
  /** Annotation → the times at which something happened. */
  readonly marks: readonly {
    readonly name: string;
    readonly color: string;
    readonly times: readonly number[];
  }[];
}

/** Grafana takes four scrapes at least, so that a lost one leaves no hole. */
const SCRAPE_SECONDS = 5;
const RATE_SCRAPES = 4;

/** Asks Prometheus all that the dashboard asks. */
export async function collectData(
  document: Document,
  prometheus: Prometheus,
  about: Pick<DashboardData, 'source' | 'range'>,
): Promise<DashboardData> {
  const { range } = about;
  const step = range.step;
  const rateInterval = Math.max(step + SCRAPE_SECONDS, RATE_SCRAPES * SCRAPE_SECONDS);
  const answers: Record<number, readonly Series[][]> = {};
  for (const { id, targets = [] } of document.panels) {
    const all: Series[][] = [];
    for (const { expr, instant } of targets) {
      const query = substituteVariables(expr, { rateInterval, step });
      all.push(await (instant ? prometheus.instant(query, range.to) : prometheus.range(query, range)));
    }
    answers[id] = all;
  }
  const marks = [];
  for (const { name, iconColor, expr } of document.annotations.list) {
    const series = await prometheus.range(substituteVariables(expr, { rateInterval, step }), range);
    marks.push({ name, color: iconColor, times: startsOf(series, range) });
  }
  return { ...about, document, answers, marks };
}

/** Grafana makes one mark of values that follow each other; what had begun before the picture is left out. */
function startsOf(series: readonly Series[], { from, step }: TimeRange): number[] {
  const times = series.flatMap(({ values }) =>
    values.flatMap((value, index) =>
      value !== null && index > 0 && values[index - 1] === null ? [from + index * step] : [],
    ),
  );
  return [...new Set(times)].sort((a, b) => a - b);
}
