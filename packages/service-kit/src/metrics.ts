import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { readDiskSpace } from './disk-space.js';

/** The prefix of every metric of this project. */
const PREFIX = 'lamplighter_';

/** The declaration of a metric. A test compares it with docs/metrics.md. */
export interface Declaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Label → its closed set of values; an empty list if the set is only known at run time (API routes). */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/**
 * Declares the metrics of a service. Label values are closed sets, and every combination of a counter or histogram is exposed as 0 from
 * the start, so that `rate()` and alerts see the first increment. Devices, topics and commands are never labels.
 */
export class Metrics {
  readonly registry = new Registry();
  /** Name with prefix → declaration. */
  readonly declarations = new Map<string, Declaration>();

  constructor(service: string, version: string) {
    collectDefaultMetrics({ register: this.registry });
    const info = this.gauge('build_info', 'Version of the running service; the value is always 1', [
      'version',
      'node',
      'service',
    ]);
    info.set({ version, node: process.version, service }, 1);
    whenScraped(this.gauge('disk_size_bytes', 'Size of the disk on which the service runs'), async (gauge) =>
      show(gauge, (await readDiskSpace())?.sizeBytes),
    );
    whenScraped(
      this.gauge('disk_free_bytes', 'Free space of that disk for unprivileged users'),
      async (gauge) => show(gauge, (await readDiskSpace())?.freeBytes),
    );
  }

  counter<L extends string>(name: string, help: string, labels: Labels<L> = {} as Labels<L>): Counter<L> {
    const counter = new Counter<L>({
      ...this.options('counter', name, help, labels),
      labelNames: Object.keys(labels) as L[],
    });
    for (const combination of combinations(labels)) counter.inc(combination, 0);
    return counter;
  }

  /** @param labels labels with their values, or only names if the values are known at run time */
  gauge<L extends string>(
    name: string,
    help: string,
    labels: Labels<L> | readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    const closed = isNames(labels)
      ? (Object.fromEntries(labels.map((label) => [label, []])) as unknown as Labels<L>)
      : labels;
    const gauge = new Gauge<L>({
      ...this.options('gauge', name, help, closed),
      labelNames: Object.keys(closed) as L[],
    });
    if (collect !== undefined) whenScraped(gauge, collect);
    return gauge;
  }

  histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labels: Labels<L> = {} as Labels<L>,
  ): Histogram<L> {
    const histogram = new Histogram<L>({
      ...this.options('histogram', name, help, labels),
      buckets,
      labelNames: Object.keys(labels) as L[],
    });
    for (const combination of combinations(labels)) histogram.zero(combination);
    return histogram;
  }

  private options(
    type: Declaration['type'],
    name: string,
    help: string,
    labels: Readonly<Record<string, readonly string[]>>,
  ) {
    this.declarations.set(PREFIX + name, { type, labels });
    return { name: PREFIX + name, help, registers: [this.registry] };
  }
}

type Labels<L extends string> = Readonly<Record<L, readonly string[]>>;

/** Seconds; finest around tens of milliseconds, the target for evaluating and storing a reading. */
export const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Updates a metric on every scrape. The scrape waits for `collect`, so it must be fast. */
export function whenScraped<M extends Gauge<string> | Counter<string>>(
  metric: M,
  collect: (metric: M) => void | Promise<void>,
): void {
  // prom-client accepts `collect` as an option only, but reads it from the metric.
  Object.assign(metric, { collect: () => collect(metric) });
}

/**
 * Sets a metric without labels to the current value of its source; also a counter, if the source itself counts. Undefined removes the value:
 * a stale value would look current, and a counter at 0 would look like a restart of its source.
 */
export function show(metric: Gauge | Counter, value: number | undefined): void {
  metric.remove();
  if (value !== undefined) metric.inc(value);
}

function isNames<L extends string>(labels: Labels<L> | readonly L[]): labels is readonly L[] {
  return Array.isArray(labels);
}

function combinations<L extends string>(labels: Labels<L>): Record<L, string>[] {
  let all = [{} as Record<L, string>];
  for (const [label, values] of Object.entries(labels) as [L, readonly string[]][]) {
    all = all.flatMap((combination) => values.map((value) => ({ ...combination, [label]: value })));
  }
  return all;
}
