import type { Bed } from '../bed/bed.js';
import { measure, type Setting, shortcomings } from './measure.js';
import { RateSearch } from './rate-search.js';

/** The highest sustained rate of each service, readings per second, by name. The services take turns, trial by trial. */
export async function findSustainedRates(
  beds: readonly Bed[],
  setting: Setting,
  options: { start: number; growth: number; resolution: number; seconds: number },
): Promise<Map<string, number>> {
  const { start, growth, resolution, seconds } = options;
  const searches = beds.map((bed) => ({ bed, search: new RateSearch(start, growth, resolution) }));
  while (searches.some(({ search }) => search.next !== undefined)) {
    for (const { bed, search } of searches) {
      if (search.next === undefined) continue;
      const measurement = await measure(bed, setting, { rate: search.next, seconds });
      search.report(shortcomings(measurement).length === 0);
    }
  }
  return new Map(searches.map(({ bed, search }) => [bed.name, search.best]));
}
