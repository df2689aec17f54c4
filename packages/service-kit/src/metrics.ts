import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The prefix of every metric of this project. */
const PREFIX = 'lamplighter_';

/**
 * Declares a service's metrics. Label values are closed sets, given at the declaration, and every combination is exposed at 0
 * from the start, so that `rate()` and alerts see the first increment. No device, topic or command is ever a label.
 */
export class Metrics {
  readonly registry = new Registry();

  constructor(service: string, version: string) {
    collectDefaultMetrics({ register: this.registry });
    const info = this.gauge('build_info', 'What runs; the value is always 1', ['version', 'node', 'service']);
    info.set({ version, node: process.version, service }, 1);
  }

  counter<L extends string>(name: string, help: string, labels: Labels<L> = {} as Labels<L>): Counter<L> {
    const counter = new Counter<L>({ ...this.options(name, help), labelNames: Object.keys(labels) as L[] });
    for (const combination of combinations(labels)) counter.inc(combination, 0);
    return counter;
  }

  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    return new Gauge<L>({
      ...this.options(name, help),
      labelNames,
      ...(collect && {
        collect(this: Gauge<L>) {
          return collect(this);
        },
      }),
    });
  }

  histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labels: Labels<L> = {} as Labels<L>,
  ): Histogram<L> {
    const histogram = new Histogram<L>({
      ...this.options(name, help),
      buckets,
      labelNames: Object.keys(labels) as L[],
    });
    for (const combination of combinations(labels)) histogram.zero(combination);
    return histogram;
  }

  private options(name: string, help: string) {
    return { name: PREFIX + name, help, registers: [this.registry] };
  }
}

type Labels<L extends string> = Record<L, readonly string[]>;

/** Seconds, around the promise that a reading is judged and stored within tens of milliseconds. */
export const LATENCY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

function combinations<L extends string>(labels: Labels<L>): Record<L, string>[] {
  let all = [{} as Record<L, string>];
  for (const [label, values] of Object.entries(labels) as [L, readonly string[]][]) {
    all = all.flatMap((combination) => values.map((value) => ({ ...combination, [label]: value })));
  }
  return all;
}
