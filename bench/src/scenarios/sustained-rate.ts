import { CROSSING_EVERY } from '../results/goals.js';
import { medianOf, type Sample } from '../results/sample.js';
import type { Testbed } from '../testbed/testbed.js';
import { RateSearch } from './rate-search.js';
import { fixedLoad, type Measurement, measure, type Setting, sampleOf, summaryOf } from './trial.js';

/** Loops slower than this at the 99th percentile are not sustained, milliseconds. */
export const SUSTAINED_P99_MS = 100;

export interface SearchPlan {
  /** First rate of the first search. Later searches start at the best rate so far, with `refine` as their growth. */
  readonly start: number;
  readonly growth: number;
  readonly refine: number;
  readonly resolution: number;
  readonly seconds: number;
  readonly repeats: number;
}

/** The highest sustained rate of each service, `repeats` times. The services take turns, trial by trial. */
export async function findSustainedRates(
  testbeds: readonly Testbed[],
  setting: Setting,
  { start, growth, refine, resolution, seconds, repeats }: SearchPlan,
): Promise<Sample[]> {
  const conditions = { scenario: 'sustained', qos: setting.qos, crossingEvery: CROSSING_EVERY } as const;
  const samples: Sample[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const searches = testbeds.map((testbed) => {
      const best = medianOf(samples, { service: testbed.name }, 'perSecond');
      return {
        testbed,
        search: best ? new RateSearch(best, refine, resolution) : new RateSearch(start, growth, resolution),
      };
    });
    while (searches.some(({ search }) => search.next !== undefined)) {
      for (const { testbed, search } of searches) {
        const rate = search.next;
        if (rate === undefined) continue;
        const load = fixedLoad(setting, rate, seconds, CROSSING_EVERY);
        const measurement = await measure(testbed, setting, load);
        const problems = problemsOf(measurement, sampleOf(measurement, conditions));
        setting.log(
          `${summaryOf(sampleOf(measurement, { ...conditions, rate }))}; ${problems.join(', ') || 'sustained'}`,
        );
        search.record(problems.length === 0);
      }
    }
    for (const { testbed, search } of searches)
      samples.push({ ...conditions, service: testbed.name, figures: { perSecond: search.best } });
  }
  return samples;
}

/** Why a rate was not sustained; empty if it was. */
function problemsOf({ trial }: Measurement, { figures }: Sample): string[] {
  const { p99Ms = Number.POSITIVE_INFINITY, lost = 0, stale = 0, missing = 0 } = figures;
  return [
    ...(trial.aborted ? ['fell behind'] : []),
    ...(p99Ms < SUSTAINED_P99_MS ? [] : [`p99 ${p99Ms.toFixed(0)} ms`]),
    ...(lost > 0 ? [`${lost} readings lost`] : []),
    ...(stale > 0 ? [`${stale} last states stale`] : []),
    ...(missing > 0 ? [`${missing} commands missing`] : []),
    ...(trial.unsent > 0 ? [`${trial.unsent} readings not sent`] : []),
  ];
}
