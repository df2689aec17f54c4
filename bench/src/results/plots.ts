import { drawBars, type Panel, type Row } from '../documents/bars.js';
import { CROSSING_EVERY, PRODUCT, RATES } from './goals.js';
import { type Figure, medianOf, type Sample, select, type Where } from './sample.js';
import { number } from './tables.js';

/** The pictures of docs/performance.md, by file name. A picture without data is left out. */
export function drawPlots(samples: readonly Sample[]): Record<string, string> {
  const common = (qos: 0 | 1): Where => ({ qos, crossingEvery: CROSSING_EVERY });
  /** Panels of QoS 0 in the left column, those of QoS 1 in the right one. */
  const eachQos = (panelsOf: (qos: 0 | 1) => Panel[]) => {
    const [left, right] = [panelsOf(0), panelsOf(1)];
    return left.flatMap((panel, i) => [panel, right[i]!]).filter(({ rows }) => rows.length > 0);
  };

  const rates = eachQos((qos) =>
    (['sustained', 'flat-out'] as const).map((scenario) => ({
      title: `${scenario === 'sustained' ? 'sustained' : 'flat out'}, QoS ${qos}`,
      rows: rowsOf(samples, { scenario, ...common(qos) }, ['perSecond'], ([rate]) => number(rate!)),
    })),
  );
  const loops = eachQos((qos) =>
    RATES.map((rate) => ({
      title: `${number(rate)} readings/s, QoS ${qos}`,
      rows: rowsOf(
        samples,
        { scenario: 'fixed-rate', rate, ...common(qos) },
        ['p50Ms', 'p99Ms'],
        ([p50, p99]) => `${number(p50!)} / ${number(p99!)}`,
      ).map((row) => ({ ...row, segments: [row.segments[0]!, row.segments[1]! - row.segments[0]!] })),
    })),
  );
  const cpu = eachQos((qos) =>
    [
      { title: `flat out, QoS ${qos}`, where: { scenario: 'flat-out', ...common(qos) } as const },
      ...RATES.map((rate) => ({
        title: `${number(rate)} readings/s, QoS ${qos}`,
        where: { scenario: 'fixed-rate', rate, ...common(qos) } as const,
      })),
    ].map(({ title, where }) => ({
      title,
      rows: rowsOf(samples, where, ['serviceCpu', 'redisCpu'], ([service, redis]) =>
        number(service! + redis!),
      ),
    })),
  );
  const plots = {
    'performance-rates.svg': { title: 'Readings per second', legend: ['readings/s'], panels: rates },
    'performance-loops.svg': {
      title: 'Loop: reading due to command received, ms',
      legend: ['p50', 'p99'],
      panels: loops,
    },
    'performance-cpu.svg': {
      title: 'CPU seconds per million readings',
      legend: ['service', 'Redis'],
      panels: cpu,
    },
  };
  return Object.fromEntries(
    Object.entries(plots)
      .filter(([, { panels }]) => panels.length > 0)
      .map(([file, bars]) => [file, drawBars(bars)]),
  );
}

/** A row per service for which all figures were measured. */
function rowsOf(
  samples: readonly Sample[],
  where: Where,
  figures: readonly Figure[],
  valueText: (values: readonly number[]) => string,
): Row[] {
  const services = [...new Set(select(samples, where).map(({ service }) => service))];
  return services.flatMap((service) => {
    const values = figures.flatMap((figure) => medianOf(samples, { ...where, service }, figure) ?? []);
    if (values.length < figures.length) return [];
    return { label: service, segments: values, value: valueText(values), isEmphasized: service === PRODUCT };
  });
}
