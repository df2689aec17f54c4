import { type Series, WINDOW_FUNCTIONS, type WindowFunction, ZSCORE_VALUES } from './functions.js';

/** A series with one value per second; the last one is current. */
const seriesOf = (...values: number[]): Series => ({
  times: values.map((_, i) => i * 1000),
  values,
  current: values.length - 1,
});

describe('WINDOW_FUNCTIONS', () => {
  it.each<[fn: WindowFunction, result: number]>([
    ['avg', 30],
    ['sum', 120],
    ['min', 10],
    ['max', 60],
    ['count', 4],
    ['delta', 20],
    ['rate', 10],
  ])('%s of 10, 20, 60 and 30, one per second, is %d', (fn, result) => {
    expect(WINDOW_FUNCTIONS[fn](seriesOf(10, 20, 60, 30))).toBeCloseTo(result, 9);
  });

  it('computes the sample deviation', () => {
    const series = seriesOf(2, 4, 4, 4, 5, 5, 7, 9);
    expect(WINDOW_FUNCTIONS.stddev(series)).toBeCloseTo(Math.sqrt(32 / 7), 12);
  });

  it.each<[fn: WindowFunction, values: number[]]>([
    ...(['avg', 'sum', 'min', 'max', 'stddev', 'delta', 'rate', 'zscore'] as const).map(
      (fn): [WindowFunction, number[]] => [fn, []],
    ),
    ...(['stddev', 'delta', 'rate'] as const).map((fn): [WindowFunction, number[]] => [fn, [1]]),
    ['sum', [1e308, 1e308]],
  ])('%s of %j is undefined', (fn, values) => {
    expect(WINDOW_FUNCTIONS[fn](seriesOf(...values))).toBeUndefined();
  });

  it('counts 0 in an empty window', () => {
    expect(WINDOW_FUNCTIONS.count(seriesOf())).toBe(0);
  });

  it('has no rate if all values have the same time', () => {
    expect(WINDOW_FUNCTIONS.rate({ times: [5, 5], values: [1, 2], current: 1 })).toBeUndefined();
  });

  describe('zscore', () => {
    const others = Array.from({ length: ZSCORE_VALUES }, (_, i) => i);

    it('compares the current value with the others', () => {
      expect(WINDOW_FUNCTIONS.zscore(seriesOf(...others, 7))).toBeCloseTo(5 / Math.sqrt(2.5), 12);
    });

    it('is undefined if the others are too few', () => {
      expect(WINDOW_FUNCTIONS.zscore(seriesOf(...others.slice(1), 7))).toBeUndefined();
    });

    it('is undefined if the others are all equal', () => {
      expect(WINDOW_FUNCTIONS.zscore(seriesOf(...others.map(() => 0.1), 7))).toBeUndefined();
    });

    it('is undefined if the newest reading has no number', () => {
      expect(WINDOW_FUNCTIONS.zscore({ ...seriesOf(...others, 7), current: -1 })).toBeUndefined();
    });
  });
});
