/** The numbers of one measurement in a window, in the order of event time. */
export interface Series {
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** Index of the newest reading's value; -1 if it has none. */
  readonly current: number;
}

/** Minimum number of values other than the current one for a z-score; the deviation of fewer is random. */
export const ZSCORE_VALUES = 5;

/**
 * The functions of `window` in expressions, such as `window.avg("light", "10m")`. Each computes its result from the values in the window;
 * undefined if there are too few values or the result is not finite. To add one: this table, its test, and its row in docs/rules.md.
 */
export const WINDOW_FUNCTIONS = {
  avg: ({ values }) => mean(values),
  min: ({ values }) => (values.length === 0 ? undefined : Math.min(...values)),
  max: ({ values }) => (values.length === 0 ? undefined : Math.max(...values)),
  sum: ({ values }) => (values.length === 0 ? undefined : finite(total(values))),
  count: ({ values }) => values.length,
  /** Sample deviation (n - 1). */
  stddev: ({ values }) => deviation(values),
  /** The last value minus the first. */
  delta: ({ values }) => (values.length < 2 ? undefined : finite(values.at(-1)! - values[0]!)),
  /** Per second. */
  rate: slope,
  /** Distance of the current value from the mean of the others, in sample deviations. */
  zscore,
} satisfies Readonly<Record<string, (series: Series) => number | undefined>>;

export type WindowFunction = keyof typeof WINDOW_FUNCTIONS;

export function isWindowFunction(name: string): name is WindowFunction {
  return Object.hasOwn(WINDOW_FUNCTIONS, name);
}

/** One use of a window in an expression. */
export interface WindowUse {
  readonly fn: WindowFunction;
  readonly measurement: string;
  readonly ms: number;
}

/** Windows over the last `ms` milliseconds of event time, up to and including the current reading. */
export interface WindowView {
  /** Undefined if there are too few readings. */
  compute(use: WindowUse): number | undefined;
}

/**
 * Slope of the least-squares line, per second: unlike (last - first) / time, it does not depend on a single value at either end.
 * Undefined without two values at different times.
 */
function slope({ times, values }: Series): number | undefined {
  const middle = mean(values);
  if (middle === undefined || values.length < 2) return undefined;
  const start = times[0]!;
  const seconds = times.map((at) => (at - start) / 1000);
  const centre = total(seconds) / seconds.length;
  let products = 0;
  let squares = 0;
  for (const [i, second] of seconds.entries()) {
    products += (second - centre) * (values[i]! - middle);
    squares += (second - centre) ** 2;
  }
  return squares === 0 ? undefined : finite(products / squares);
}

/** Undefined if the newest reading has no number, if there are fewer than `ZSCORE_VALUES` others, or if the others are all equal. */
function zscore({ values, current }: Series): number | undefined {
  if (current === -1 || values.length <= ZSCORE_VALUES) return undefined;
  const others = values.filter((_, i) => i !== current);
  const middle = mean(others);
  const spread = deviation(others);
  if (middle === undefined || spread === undefined || spread === 0) return undefined;
  return finite((values[current]! - middle) / spread);
}

function total(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : finite(total(values) / values.length);
}

function deviation(values: readonly number[]): number | undefined {
  const middle = mean(values);
  if (middle === undefined || values.length < 2) return undefined;
  // Equal values have no deviation, but the mean of 0.1, 0.1 and 0.1 is rounded.
  if (values.every((value) => value === values[0])) return 0;
  let squares = 0;
  for (const value of values) squares += (value - middle) ** 2;
  return finite(Math.sqrt(squares / (values.length - 1)));
}

/** Sums of very large values overflow. */
function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
