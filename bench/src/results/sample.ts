import { median } from '../measure/statistics.js';
import type { Qos } from '../wire/packets.js';

export const SCENARIOS = ['sustained', 'flat-out', 'fixed-rate', 'command', 'idle', 'flood', 'rest'] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** What was measured and under which conditions. Samples with equal conditions are repetitions. */
export interface Conditions {
  readonly scenario: Scenario;
  readonly service: string;
  readonly qos?: Qos;
  /** Readings per second. */
  readonly rate?: number;
  /** One reading in this many crosses the threshold. */
  readonly crossingEvery?: number;
  /** Whether devices acknowledge commands; without acknowledgements, the PUBACK ends a command. */
  readonly acknowledged?: boolean;
  readonly replicas?: number;
  /** HTTP connections. */
  readonly connections?: number;
}

/** Names end with their unit where it is not obvious. */
export type Figure =
  | 'perSecond'
  | 'p50Ms'
  | 'p99Ms'
  /** Latency that an HTTP client sees. */
  | 'clientP99Ms'
  /** CPU seconds per million readings. */
  | 'serviceCpu'
  | 'redisCpu'
  | 'brokerCpu'
  | 'generatorCpu'
  /** CPU of one command, from its reading to its end. */
  | 'serviceUs'
  | 'redisUs'
  /** Shares of a core. */
  | 'serviceCores'
  | 'redisCores'
  | 'apiCores'
  | 'cores'
  /** Resident memory: largest, growth over a flood, and its growth rate in the second half of a flood. */
  | 'rssMb'
  | 'rssGrowthMb'
  | 'rssMbPerSecond'
  | 'recoverySeconds'
  | 'droppedByBroker'
  | 'unaccounted'
  /** Readings not stored, last states that are not the last reading, commands that did not arrive. */
  | 'lost'
  | 'stale'
  | 'missing';

/** One measurement. A figure that could not be determined is absent. */
export interface Sample extends Conditions {
  readonly figures: Readonly<Partial<Record<Figure, number>>>;
}

/** Drops figures that are not numbers, such as percentiles of nothing. */
export function figuresOf(figures: Partial<Record<Figure, number>>): Sample['figures'] {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => Number.isFinite(value)));
}

/** Selects samples by some of their conditions. */
export type Where = Partial<Conditions>;

export function select(samples: readonly Sample[], where: Where): Sample[] {
  const conditions = Object.entries(where) as [keyof Conditions, unknown][];
  return samples.filter((sample) => conditions.every(([name, value]) => sample[name] === value));
}

/** All values of a figure under these conditions. */
export function valuesOf(samples: readonly Sample[], where: Where, figure: Figure): number[] {
  return select(samples, where).flatMap(({ figures }) => figures[figure] ?? []);
}

/** The median of a figure over the repetitions; undefined if it was not measured. */
export function medianOf(samples: readonly Sample[], where: Where, figure: Figure): number | undefined {
  const values = valuesOf(samples, where, figure);
  return values.length === 0 ? undefined : median(values);
}

/** Groups repetitions, in the order of their first sample. */
export function groupByConditions(samples: readonly Sample[]): Map<string, Sample[]> {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { figures: _, ...conditions } = sample;
    const key = JSON.stringify(conditions);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return groups;
}

/** What a run writes as JSON. */
export interface Results {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: readonly string[];
  readonly settings: string;
  readonly samples: readonly Sample[];
}
