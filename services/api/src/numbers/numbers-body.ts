import { isoTime } from '../responses/iso-time.js';
import { NUMBER_NAMES, type NumbersBody, SPAN_MS, STEP_MS } from './numbers.schema.js';
import type { PrometheusAlert, PrometheusNumbers, Series } from './prometheus.js';

/** Always fires, to show that alerting works. */
const WATCHDOG = 'Watchdog';

/** The numbers as the API returns them. */
export function numbersBody({ at, series, alerts }: PrometheusNumbers): NumbersBody {
  return {
    at: isoTime(at),
    stepMs: STEP_MS,
    numbers: NUMBER_NAMES.map((name) => ({
      name,
      values: valuesOf(
        series.find(({ metric }) => metric.number === name),
        at,
      ),
    })),
    alerts: alerts
      .filter(({ labels }) => labels.alertname !== WATCHDOG)
      .map(alertBody)
      .sort((one, other) => rank(one) - rank(other) || (one.name < other.name ? -1 : 1)),
  };
}

/** The values at every step: Prometheus leaves out steps without a value. */
function valuesOf(series: Series | undefined, at: number): (number | null)[] {
  const values = Array.from<number | null>({ length: SPAN_MS / STEP_MS + 1 }).fill(null);
  for (const [seconds, text] of series?.values ?? []) {
    const value = Number(text);
    const step = values.length - 1 - Math.round((at - seconds * 1000) / STEP_MS);
    if (step in values && Number.isFinite(value)) values[step] = value;
  }
  return values;
}

type AlertBody = NonNullable<NumbersBody['alerts']>[number];

function alertBody({ labels, annotations, state, activeAt }: PrometheusAlert): AlertBody {
  const { alertname = 'unknown', severity } = labels;
  const { summary = alertname, description } = annotations;
  return {
    name: alertname,
    ...(severity !== undefined && { severity }),
    summary,
    ...(description !== undefined && { description }),
    since: isoTime(Date.parse(activeAt)),
    state: state === 'firing' ? 'firing' : 'pending',
  };
}

function rank({ state, severity }: AlertBody): number {
  return (state === 'firing' ? 0 : 2) + (severity === 'page' ? 0 : 1);
}
