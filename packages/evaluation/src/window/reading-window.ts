import type { Measurement } from '@lamplighter/contracts/telemetry/reading';
import { type Series, WINDOW_FUNCTIONS, type WindowUse, type WindowView } from './functions.js';

/** Readings that a window keeps; the store keeps the same number. */
export const WINDOW_DEPTH = 240;

/** A reading with its times in milliseconds. `at` is event time: the device's if it has a clock, otherwise the time of receipt. */
export interface PastReading {
  readonly at: number;
  readonly receivedAt: number;
  readonly reading: Readonly<Record<string, Measurement | undefined>>;
}

interface WindowSeries extends Series {
  readonly measurement: string;
  readonly ms: number;
}

/**
 * The latest readings of a device, at most `HISTORY_DEPTH`. A window of `ms` has the readings with `end - ms < at <= end`, where `end` is
 * the event time of the newest reading. Values other than numbers are skipped. The values of a window are collected when a function
 * needs them, once per reading.
 */
export class ReadingWindow implements WindowView {
  /** In device order: the last one is the newest, whatever its event time. */
  private readonly entries: PastReading[];
  private series: WindowSeries[] = [];

  /**
   * @param readings in device order, oldest first
   * @param depth how many are kept
   */
  constructor(
    readings: readonly PastReading[] = [],
    private readonly depth = WINDOW_DEPTH,
  ) {
    this.entries = readings.slice(-depth);
  }

  get size(): number {
    return this.entries.length;
  }

  /** The reading that is evaluated. */
  get newest(): PastReading | undefined {
    return this.entries.at(-1);
  }

  get beforeNewest(): PastReading | undefined {
    return this.entries.at(-2);
  }

  /** When the last reading was received, server time in ms; undefined without readings. */
  get lastReceivedAt(): number | undefined {
    let latest: number | undefined;
    for (const { receivedAt } of this.entries)
      if (latest === undefined || receivedAt > latest) latest = receivedAt;
    return latest;
  }

  /** Adds a reading that is newer than all others in device order. */
  push(entry: PastReading): void {
    this.entries.push(entry);
    if (this.entries.length > this.depth) this.entries.shift();
    if (this.series.length > 0) this.series = [];
  }

  compute({ fn, measurement, ms }: WindowUse): number | undefined {
    return WINDOW_FUNCTIONS[fn](this.select(measurement, ms));
  }

  private select(measurement: string, ms: number): WindowSeries {
    for (const known of this.series) if (known.ms === ms && known.measurement === measurement) return known;
    const series = this.collect(measurement, ms);
    this.series.push(series);
    return series;
  }

  private collect(measurement: string, ms: number): WindowSeries {
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
