import fc from 'fast-check';
import { HISTORY_DEPTH, History, type PastReading, ZSCORE_VALUES } from './history.js';

const entry = (at: number, light: unknown, receivedAt = at): PastReading => ({
  at,
  receivedAt,
  reading: { light } as PastReading['reading'],
});
const historyOf = (...values: [at: number, light: unknown][]) =>
  new History(values.map(([at, light]) => entry(at, light)));

describe('a window', () => {
  const history = historyOf([0, 10], [1000, 20], [2000, 60], [3000, 30]);

  it.each([
    ['avg', 10_000, 30],
    ['sum', 10_000, 120],
    ['min', 10_000, 10],
    ['max', 10_000, 60],
    ['count', 10_000, 4],
    ['delta', 10_000, 20],
    ['rate', 10_000, 10],
    ['avg', 2000, 45],
    ['avg', 2001, 110 / 3],
    ['count', 1, 1],
  ] as const)('%s over %i ms, up to and with the newest reading: %d', (fn, ms, result) => {
    expect(history[fn]('light', ms)).toBeCloseTo(result, 9);
  });

  it('takes the sample deviation', () => {
    expect(
      historyOf([0, 2], [1, 4], [2, 4], [3, 4], [4, 5], [5, 5], [6, 7], [7, 9]).stddev('light', 99),
    ).toBeCloseTo(Math.sqrt(32 / 7), 12);
  });

  it('says nothing where there is nothing to say', () => {
    for (const fn of ['avg', 'sum', 'min', 'max', 'stddev', 'delta', 'rate', 'zscore'] as const) {
      expect(new History()[fn]('light', 1000)).toBeUndefined();
      expect(historyOf([0, 'bright'])[fn]('light', 1000)).toBeUndefined();
    }
    expect(new History().count('light', 1000)).toBe(0);
    for (const fn of ['stddev', 'delta', 'rate'] as const)
      expect(historyOf([0, 1])[fn]('light', 1000)).toBeUndefined();
    expect(historyOf([5, 1], [5, 2]).rate('light', 1000)).toBeUndefined();
    expect(historyOf([0, 1e308], [1, 1e308]).sum('light', 1000)).toBeUndefined();
  });

  it('leaves out what is no number', () => {
    const mixed = historyOf([0, 10], [1, null], [2, '20'], [3, true], [4, undefined], [5, 30]);
    expect(mixed.count('light', 1000)).toBe(2);
    expect(mixed.avg('light', 1000)).toBe(20);
  });

  it('compares the current value with the others, if these are enough and differ', () => {
    const others = Array.from({ length: ZSCORE_VALUES }, (_, i) => [i, i] as [number, number]);
    expect(historyOf(...others, [10, 7]).zscore('light', 1000)).toBeCloseTo(5 / Math.sqrt(2.5), 12);
    expect(historyOf(...others.slice(1), [10, 7]).zscore('light', 1000)).toBeUndefined();
    expect(historyOf(...others, [10, 'x']).zscore('light', 1000)).toBeUndefined();
    const same = others.map(([at]) => [at, 0.1] as [number, number]);
    expect(historyOf(...same, [10, 7]).zscore('light', 1000)).toBeUndefined();
  });

  it('ends with the newest reading in device order, whatever its clock says', () => {
    const stepped = historyOf([1000, 1], [2000, 2], [1500, 3]);
    expect(stepped.newest?.reading).toEqual({ light: 3 });
    expect(stepped.beforeNewest?.reading).toEqual({ light: 2 });
    expect(stepped.sum('light', 1000)).toBe(4);
  });

  it('counts again once a reading came', () => {
    const growing = historyOf([0, 1], [10, 3]);
    expect(growing.avg('light', 1000)).toBe(2);
    growing.push(entry(20, 5));
    expect(growing.avg('light', 1000)).toBe(3);
    expect(growing.newest?.at).toBe(20);
  });

  it('knows when the device was last heard, also if that was a late reading', () => {
    expect(new History([entry(0, 1, 100), entry(50, 2, 60)]).heardAt).toBe(100);
    expect(new History([entry(0, 1, 100), entry(10, 3, 400), entry(50, 2, 60)]).heardAt).toBe(400);
    expect(new History().heardAt).toBeUndefined();
  });
});

it('is what a naive computation says, whatever the clock of the device has said', () => {
  const arrivals = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 5000 }),
      light: fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(1, 2, 3, 'x', null)),
    }),
    { minLength: 1, maxLength: HISTORY_DEPTH },
  );
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 6000 }), (all, ms) => {
      const history = new History(all.map(({ at, light }) => entry(at, light)));
      const newest = history.newest!;
      const values = all
        .filter(({ at, light }) => at > newest.at - ms && at <= newest.at && typeof light === 'number')
        .map(({ at, light }) => ({ at, value: light as number }));
      const numbers = values.map(({ value }) => value);
      const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
      const close = (got: number | undefined, wanted: number) =>
        expect(Math.abs(got! - wanted)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(wanted)));
      expect(history.count('light', ms)).toBe(values.length);
      if (values.length === 0) return;
      close(history.avg('light', ms), mean);
      close(history.sum('light', ms), mean * values.length);
      expect(history.min('light', ms)).toBe(Math.min(...numbers));
      expect(history.max('light', ms)).toBe(Math.max(...numbers));
      if (values.length < 2) return;
      const squares = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      close(history.stddev('light', ms), Math.sqrt(squares / (values.length - 1)));
      const middle = values.reduce((sum, { at }) => sum + at, 0) / values.length;
      const across = values.reduce((sum, { at }) => sum + (at - middle) ** 2, 0);
      const along = values.reduce((sum, { at, value }) => sum + (at - middle) * (value - mean), 0);
      if (across > 0) close(history.rate('light', ms), (along / across) * 1000);
    }),
  );
});

it('keeps the newest readings only', () => {
  const history = new History();
  for (let i = 0; i < HISTORY_DEPTH + 10; i += 1) history.push(entry(i, i));
  expect(history.size).toBe(HISTORY_DEPTH);
  expect(history.min('light', 1e6)).toBe(10);
  expect(new History(Array.from({ length: 300 }, (_, i) => entry(i, i))).size).toBe(HISTORY_DEPTH);
});
