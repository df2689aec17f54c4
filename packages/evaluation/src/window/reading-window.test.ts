import fc from 'fast-check';
import { type WindowFunction, ZSCORE_VALUES } from './functions.js';
import { type PastReading, ReadingWindow, WINDOW_DEPTH } from './reading-window.js';

const entry = (at: number, light: unknown, receivedAt = at): PastReading => ({
  at,
  receivedAt,
  reading: { light } as PastReading['reading'],
});
const windowOf = (...values: [at: number, light: unknown][]) =>
  new ReadingWindow(values.map(([at, light]) => entry(at, light)));
const compute = (window: ReadingWindow, fn: WindowFunction, ms: number) =>
  window.compute({ fn, measurement: 'light', ms });

describe('ReadingWindow', () => {
  it.each<[fn: WindowFunction, ms: number, result: number]>([
    ['count', 10_000, 4],
    ['avg', 2000, 45],
    ['avg', 2001, 110 / 3],
    ['count', 1, 1],
  ])('computes %s over the %i ms up to and including the newest reading: %d', (fn, ms, result) => {
    const window = windowOf([0, 10], [1000, 20], [2000, 60], [3000, 30]);
    expect(compute(window, fn, ms)).toBeCloseTo(result, 9);
  });

  it('has empty windows without readings', () => {
    expect([compute(new ReadingWindow(), 'count', 1000), compute(new ReadingWindow(), 'avg', 1000)]).toEqual([
      0,
      undefined,
    ]);
  });

  it('skips values other than numbers', () => {
    const mixed = windowOf([0, 10], [1, null], [2, '20'], [3, true], [4, undefined], [5, 30]);
    expect([compute(mixed, 'count', 1000), compute(mixed, 'avg', 1000)]).toEqual([2, 20]);
  });

  it('has no current value if the newest reading has no number', () => {
    const others = Array.from({ length: ZSCORE_VALUES }, (_, i): [number, number] => [i, i]);
    expect(compute(windowOf(...others, [10, 7]), 'zscore', 1000)).toBeDefined();
    expect(compute(windowOf(...others, [10, 'x']), 'zscore', 1000)).toBeUndefined();
  });

  it('ends a window with the newest reading in device order, whatever its event time', () => {
    const window = windowOf([1000, 1], [2000, 2], [1500, 3]);
    expect(window.newest?.reading).toEqual({ light: 3 });
    expect(window.beforeNewest?.reading).toEqual({ light: 2 });
    expect(compute(window, 'sum', 1000)).toBe(4);
  });

  it('computes again after a new reading', () => {
    const window = windowOf([0, 1], [10, 3]);
    expect(compute(window, 'avg', 1000)).toBe(2);
    window.push(entry(20, 5));
    expect(compute(window, 'avg', 1000)).toBe(3);
    expect(window.newest?.at).toBe(20);
  });

  it('has the latest receipt time of all readings', () => {
    expect(new ReadingWindow([entry(0, 1, 100), entry(50, 2, 60)]).lastReceivedAt).toBe(100);
    expect(new ReadingWindow([entry(0, 1, 100), entry(10, 3, 400), entry(50, 2, 60)]).lastReceivedAt).toBe(
      400,
    );
    expect(new ReadingWindow().lastReceivedAt).toBeUndefined();
  });

  it('keeps only the newest readings', () => {
    const window = new ReadingWindow();
    for (let i = 0; i < WINDOW_DEPTH + 10; i += 1) window.push(entry(i, i));
    expect(window.size).toBe(WINDOW_DEPTH);
    expect(compute(window, 'min', 1e6)).toBe(10);
    expect(new ReadingWindow(Array.from({ length: 300 }, (_, i) => entry(i, i))).size).toBe(WINDOW_DEPTH);
  });

  it('agrees with a naive computation for any event times', () => {
    const arrivals = fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: 5000 }),
        light: fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(1, 2, 3, 'x', null)),
      }),
      { minLength: 1, maxLength: WINDOW_DEPTH },
    );
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 6000 }), (all, ms) => {
        const window = new ReadingWindow(all.map(({ at, light }) => entry(at, light)));
        const newest = window.newest!;
        const values = all
          .filter(({ at, light }) => at > newest.at - ms && at <= newest.at && typeof light === 'number')
          .map(({ at, light }) => ({ at, value: light as number }));
        const numbers = values.map(({ value }) => value);
        const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
        const expectClose = (fn: WindowFunction, expected: number) =>
          expect(Math.abs(compute(window, fn, ms)! - expected)).toBeLessThanOrEqual(
            1e-6 * Math.max(1, Math.abs(expected)),
          );
        expect(compute(window, 'count', ms)).toBe(values.length);
        if (values.length === 0) return;
        expectClose('avg', mean);
        expectClose('sum', mean * values.length);
        expect(compute(window, 'min', ms)).toBe(Math.min(...numbers));
        expect(compute(window, 'max', ms)).toBe(Math.max(...numbers));
        if (values.length < 2) return;
        const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
        expectClose('stddev', Math.sqrt(squares / (values.length - 1)));
        const middle = values.reduce((sum, { at }) => sum + at, 0) / values.length;
        const across = values.reduce((sum, { at }) => sum + (at - middle) ** 2, 0);
        const along = values.reduce((sum, { at, value }) => sum + (at - middle) * (value - mean), 0);
        if (across > 0) expectClose('rate', (along / across) * 1000);
      }),
    );
  });
});
