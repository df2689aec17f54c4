import { figuresOf, groupByConditions, medianOf, type Sample, select, valuesOf } from './sample.js';

const sample = (rate: number, p50Ms?: number): Sample => ({
  scenario: 'fixed-rate',
  service: 'a',
  qos: 0,
  rate,
  figures: p50Ms === undefined ? {} : { p50Ms },
});
const samples = [sample(100, 1), sample(1000, 5), sample(100, 3), sample(100, 2), sample(5000)];

describe('samples', () => {
  it('are selected by any of their conditions', () => {
    expect(select(samples, { rate: 1000, service: 'a' })).toEqual([sample(1000, 5)]);
    expect(select(samples, { rate: 1000, service: 'b' })).toEqual([]);
  });

  it('give the median of their repetitions, and undefined without any', () => {
    expect(valuesOf(samples, { rate: 100 }, 'p50Ms')).toEqual([1, 3, 2]);
    expect(medianOf(samples, { rate: 100 }, 'p50Ms')).toBe(2);
    expect(medianOf(samples, { rate: 5000 }, 'p50Ms')).toBeUndefined();
  });

  it('have no figures that are not numbers', () => {
    expect(figuresOf({ p50Ms: Number.NaN, p99Ms: 2 })).toEqual({ p99Ms: 2 });
  });

  it('are grouped into repetitions in the order of their first one', () => {
    expect([...groupByConditions(samples).values()].map((group) => group.length)).toEqual([3, 1, 1]);
  });
});
