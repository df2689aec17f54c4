import { describe, expect, it } from '@jest/globals';
import { RateSearch } from './rate-search.js';

/** Searches against a service with this capacity and counts the trials. */
function search(capacity: number, start = 12_000): { best: number; trials: number } {
  const rates = new RateSearch(start, 1.5, 1.05);
  let trials = 0;
  for (let rate = rates.next; rate !== undefined; rate = rates.next) {
    rates.record(rate <= capacity);
    trials += 1;
  }
  return { best: rates.best, trials };
}

describe('RateSearch', () => {
  it.each([900, 5000, 12_000, 27_900, 80_000])('finds a capacity of %i within 5 %%', (capacity) => {
    const { best, trials } = search(capacity);
    expect(best).toBeLessThanOrEqual(capacity);
    expect(best).toBeGreaterThan((capacity - 100) / 1.06);
    expect(trials).toBeLessThan(25);
  });

  it('forgives one failure', () => {
    const rates = new RateSearch(10_000, 2, 1.5);
    rates.record(false);
    expect(rates.next).toBe(10_000);
    rates.record(true);
    expect([rates.best, rates.next]).toEqual([10_000, 20_000]);
  });

  it('ends with 0 when nothing passes', () => {
    expect(search(0).best).toBe(0);
  });
});
