import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { readDiskSpace } from './disk-space.js';

/** The prefix of every metric of this project. */
const PREFIX = 'lamplighter_';

/** What was said of a metric when it was declared; docs/metrics.md says the same, and a test compares them. */
export interface Declaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Label → its closed set of values; an empty set is closed too, but only known at run time (the routes of the API). */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/**
 * Declares a service's metrics. Label values are closed sets, given at the declaration, and every combination of a counter or
 * histogram is exposed at 0 from the start, so that `rate()` and alerts see the first increment. No device, topic or command is
 * ever a label.
 */
export class Metrics {
  readonly registry = new Registry();
  /** Name, with the prefix → what was declared. */
  readonly declarations = new Map<string, Declaration>();

  constructor(service: string, version: string) {
    collectDefaultMetrics({ register: this.registry });
    const info = this.gauge('build_info', 'What runs; the value is always 1', ['version', 'node', 'service']);
    info.set({ version, node: process.version, service }, 1);
    whenScraped(this.gauge('disk_size_bytes', 'Size of the disk on which the service runs'), async (gauge) =>
      show(gauge, (await readDiskSpace())?.sizeBytes),
    );
    whenScraped(
      this.gauge('disk_free_bytes', 'What is left of that disk for ordinary users'),
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

  /** @param labels the labels with their values; just their names where only run time knows the values */
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

/** Seconds, around the promise that a reading is judged and stored within tens of milliseconds. */
export const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Has a metric brought up to date whenever it is scraped. What it awaits holds up the scrape, so it must be quick. */
export function whenScraped<M extends Gauge<string> | Counter<string>>(
  metric: M,
  collect: (metric: M) => void | Promise<void>,
): void {
  // prom-client takes the function with its options only; it looks for it on the metric when asked.
  Object.assign(metric, { collect: () => collect(metric) });
}

/**
 * Sets a metric without labels to what its source says now: also a counter, if the source itself counts. Undefined leaves it
 * without a value, since an old one would be taken for true, and a counter at 0 for a restart of its source.
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
