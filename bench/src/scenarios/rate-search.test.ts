import { describe, expect, it } from '@jest/globals';
import { RateSearch } from './rate-search.js';

/** Searches against a service with this capacity and counts the trials. */
function search(capacity: number, start = 12_000): { best: number; trials: number } {
  const rates = new RateSearch(start, 1.5, 1.05);
  let trials = 0;
  for (let rate = rates.next; rate !== undefined; rate = rates.next) {
    rates.report(rate <= capacity);
    trials += 1;
  }
  return { best: rates.best, trials };
}

describe('the search for the sustained rate', () => {
  it.each([900, 5000, 12_000, 27_900, 80_000])('finds a capacity of %i within five percent', (capacity) => {
    const { best, trials } = search(capacity);
    expect(best).toBeLessThanOrEqual(capacity);
    expect(best).toBeGreaterThan((capacity - 100) / 1.06);
    expect(trials).toBeLessThan(25);
  });

  it('forgives one failure', () => {
    const rates = new RateSearch(10_000, 2, 1.5);
    rates.report(false);
    expect(rates.next).toBe(10_000);
    rates.report(true);
    expect([rates.best, rates.next]).toEqual([10_000, 20_000]);
  });

  it('ends with nothing when nothing passes', () => {
    expect(search(0).best).toBe(0);
  });
});
