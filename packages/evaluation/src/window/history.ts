import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import type { WindowView } from '../expression/expression.js';

/** Readings that a history keeps; as many as the store's window does. */
export const HISTORY_DEPTH = 240;
/** Values before the current one that a z-score needs: of fewer the deviation is chance. */
export const ZSCORE_VALUES = 5;

/** A reading with its times: `at` is event time, the device's if it has a clock, otherwise that of receipt. Milliseconds. */
export interface PastReading {
  readonly at: number;
  readonly receivedAt: number;
  readonly reading: Readonly<Record<string, Measurement | undefined>>;
}

/** The numbers of one measurement in one window, in the order of event time. */
interface Series {
  readonly measurement: string;
  readonly ms: number;
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** Place of the newest reading's value in it; -1 if it has none. */
  readonly current: number;
}

/**
 * What a device has sent lately, at most `HISTORY_DEPTH` readings. A window of `ms` is what was measured in the `ms` up to and with the
 * newest reading, by event time: `end - ms < at <= end`. Values that are not numbers are not in it. Nothing is computed before it
 * is asked for, and then once per reading.
 */
export class History implements WindowView {
  /** In device order: the last one is the newest, whatever the clocks say. */
  private readonly entries: PastReading[];
  private series: Series[] = [];

  /**
   * @param readings in device order, oldest first
   * @param depth how many are kept
   */
  constructor(
    readings: readonly PastReading[] = [],
    private readonly depth = HISTORY_DEPTH,
  ) {
    this.entries = readings.slice(-depth);
  }

  get size(): number {
    return this.entries.length;
  }

  /** The reading that is judged, and the one before it. */
  get newest(): PastReading | undefined {
    return this.entries.at(-1);
  }
  get beforeNewest(): PastReading | undefined {
    return this.entries.at(-2);
  }

  /** When the device was last heard, server time in ms; undefined if never. */
  get heardAt(): number | undefined {
    let heardAt: number | undefined;
    for (const { receivedAt } of this.entries)
      if (heardAt === undefined || receivedAt > heardAt) heardAt = receivedAt;
    return heardAt;
  }

  /** Takes a reading that is newer than all others, in device order. */
  push(entry: PastReading): void {
    this.entries.push(entry);
    if (this.entries.length > this.depth) this.entries.shift();
    if (this.series.length > 0) this.series = [];
  }

  count(measurement: string, ms: number): number {
    return this.select(measurement, ms).values.length;
  }

  sum(measurement: string, ms: number): number | undefined {
    const { values } = this.select(measurement, ms);
    return values.length === 0 ? undefined : finite(total(values));
  }

  avg(measurement: string, ms: number): number | undefined {
    return mean(this.select(measurement, ms).values);
  }

  min(measurement: string, ms: number): number | undefined {
    const { values } = this.select(measurement, ms);
    return values.length === 0 ? undefined : Math.min(...values);
  }

  max(measurement: string, ms: number): number | undefined {
    const { values } = this.select(measurement, ms);
    return values.length === 0 ? undefined : Math.max(...values);
  }

  /** Sample deviation (n - 1); undefined of fewer than two values. */
  stddev(measurement: string, ms: number): number | undefined {
    return deviation(this.select(measurement, ms).values);
  }

  /** The last value less the first; undefined of fewer than two values. */
  delta(measurement: string, ms: number): number | undefined {
    const { values } = this.select(measurement, ms);
    return values.length < 2 ? undefined : finite(values.at(-1)! - values[0]!);
  }

  /**
   * Slope per second of the straight line that fits best (least squares): one bad value at either end does not decide it, as it
   * would decide (last - first) / time. Undefined unless there are two values of different time.
   */
  rate(measurement: string, ms: number): number | undefined {
    const { times, values } = this.select(measurement, ms);
    const middle = mean(values);
    if (middle === undefined || values.length < 2) return undefined;
    const start = times[0]!;
    const seconds = times.map((at) => (at - start) / 1000);
    const centre = total(seconds) / seconds.length;
    let along = 0;
    let squares = 0;
    for (const [i, second] of seconds.entries()) {
      along += (second - centre) * (values[i]! - middle);
      squares += (second - centre) ** 2;
    }
    return squares === 0 ? undefined : finite(along / squares);
  }

  /**
   * How many sample deviations the current value is away from the mean of the other values in the window. Undefined if the newest
   * reading has no such number, if there are fewer than `ZSCORE_VALUES` others, or if they are all the same.
   */
  zscore(measurement: string, ms: number): number | undefined {
    const { values, current } = this.select(measurement, ms);
    if (current === -1 || values.length <= ZSCORE_VALUES) return undefined;
    const others = values.filter((_, i) => i !== current);
    const middle = mean(others);
    const spread = deviation(others);
    if (middle === undefined || spread === undefined || spread === 0) return undefined;
    return finite((values[current]! - middle) / spread);
  }

  private select(measurement: string, ms: number): Series {
    for (const known of this.series) if (known.ms === ms && known.measurement === measurement) return known;
    const series = this.collect(measurement, ms);
    this.series.push(series);
    return series;
  }

  private collect(measurement: string, ms: number): Series {
    const newest = this.newest;
    const end = newest?.at ?? 0;
    const inside: { at: number; value: number; isCurrent: boolean }[] = [];
    let isSorted = true;
    for (const entry of this.entries) {
      const value = entry.reading[measurement];
      if (typeof value !== 'number' || entry.at > end || entry.at <= end - ms) continue;
      if (inside.length > 0 && inside.at(-1)!.at > entry.at) isSorted = false;
      inside.push({ at: entry.at, value, isCurrent: entry === newest });
    }
    if (!isSorted) inside.sort((a, b) => a.at - b.at);
    return {
      measurement,
      ms,
      times: inside.map(({ at }) => at),
      values: inside.map(({ value }) => value),
      current: inside.findIndex(({ isCurrent }) => isCurrent),
    };
  }
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
  // Equal values do not deviate; the rounded mean of 0.1, 0.1 and 0.1 says otherwise.
  if (values.every((value) => value === values[0])) return 0;
  let squares = 0;
  for (const value of values) squares += (value - middle) ** 2;
  return finite(Math.sqrt(squares / (values.length - 1)));
}

/** Sums of huge values overflow; then the window does not say. */
function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
