import type { Bed } from '../bed/bed.js';
import { median, percentile } from '../measure/statistics.js';
import { type Measurement, measure, type Setting } from './measure.js';

/** One service at one rate, over several trials. */
export interface FixedRate {
  readonly service: string;
  readonly rate: number;
  readonly trials: readonly Measurement[];
  /** Over the loops of all trials, milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The smallest and the largest p99 of a single trial: how far to trust the number above. */
  readonly p99RangeMs: readonly [number, number];
  /** Median of the trials: CPU seconds of the service per million readings. */
  readonly cpuPerMillion: number;
}

/** Measures each service at each rate `repeats` times; the services take turns, and who begins alternates too. */
export async function measureAtRates(
  beds: readonly Bed[],
  setting: Setting,
  options: { rates: readonly number[]; seconds: number; repeats: number },
): Promise<FixedRate[]> {
  const results: FixedRate[] = [];
  for (const rate of options.rates) {
    const trials = new Map<string, Measurement[]>(beds.map(({ name }) => [name, []]));
    for (let repeat = 0; repeat < options.repeats; repeat += 1) {
      for (const bed of repeat % 2 === 0 ? beds : beds.toReversed()) {
        trials.get(bed.name)!.push(await measure(bed, setting, { rate, seconds: options.seconds }));
      }
    }
    for (const [service, measurements] of trials) results.push(summary(service, rate, measurements));
  }
  return results;
}

function summary(service: string, rate: number, trials: readonly Measurement[]): FixedRate {
  const latencies = trials.flatMap((trial) => trial.latencies);
  const p99s = trials.map(({ p99Ms }) => p99Ms);
  return {
    service,
    rate,
    trials,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    p99RangeMs: [Math.min(...p99s), Math.max(...p99s)],
    cpuPerMillion: median(trials.map(({ cpuPerMillion }) => cpuPerMillion.service ?? Number.NaN)),
  };
}
