import type { Document } from '../document.js';
import { filledIn } from '../questions.js';
import type { Prometheus, Series, TimeRange } from './prometheus.js';

/** A dashboard with everything that its picture shows. */
export interface Scene {
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
export async function collect(
  document: Document,
  prometheus: Prometheus,
  about: Pick<Scene, 'source' | 'range'>,
): Promise<Scene> {
  const { range } = about;
  const step = range.step;
  const rateInterval = Math.max(step + SCRAPE_SECONDS, RATE_SCRAPES * SCRAPE_SECONDS);
  const answers: Record<number, readonly Series[][]> = {};
  for (const { id, targets = [] } of document.panels) {
    const all: Series[][] = [];
    for (const { expr, instant } of targets) {
      const query = filledIn(expr, { rateInterval, step });
      all.push(await (instant ? prometheus.instant(query, range.to) : prometheus.range(query, range)));
    }
    answers[id] = all;
  }
  const marks = [];
  for (const { name, iconColor, expr } of document.annotations.list) {
    const series = await prometheus.range(filledIn(expr, { rateInterval, step }), range);
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
