import { setTimeout as delay } from 'node:timers/promises';
import type { Bed } from '../bed/bed.js';
import type { Loop } from '../load/crossings.js';
import { percentile, slope } from '../measure/statistics.js';
import { observe, type Setting, SUSTAINED_P99_MS } from './measure.js';

/** What a flood did to a service. Memory is in bytes. */
export interface Flood {
  readonly service: string;
  /** Readings per second of the flood. */
  readonly rate: number;
  readonly seconds: number;
  readonly rssBefore: number;
  readonly rssMax: number;
  /** Growth over the second half of the flood, bytes per second: what lasts is what a longer flood would add to. */
  readonly rssSlope: number;
  readonly sent: number;
  readonly unsent: number;
  readonly stored: number;
  readonly droppedByBroker: number;
  readonly droppedByService: number;
  /** Readings that nobody accounts for. */
  readonly unaccounted: number;
  /** From the end of the flood until loops were normal again; undefined if they never were. */
  readonly recoverySeconds: number | undefined;
  /** The service was still running at the end. */
  readonly survived: boolean;
}

const CALM_RATE = 2000;
const CALM_BEFORE_SECONDS = 4;
const CALM_AFTER_SECONDS = 15;
/** Loops are looked at in slices this long, milliseconds. */
const SLICE_MS = 250;
const NORMAL_SLICES = 8;
/** Mosquitto publishes its counters every ten seconds. */
const BROKER_COUNTS_MS = 11_000;

/**
 * Calm, then `rate` for `seconds`, then calm again. The devices whose loops are timed in the calm do not cross during the
 * flood, so the commands that a flood costs cannot be mixed up with those after it.
 */
export async function flood(
  bed: Bed,
  setting: Setting,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Flood> {
  await delay(BROKER_COUNTS_MS);
  const droppedBefore = bed.brokerDropped;
  const countsBefore = await bed.service.counts();
  const floodFromMs = CALM_BEFORE_SECONDS * 1000;
  const floodToMs = floodFromMs + seconds * 1000;
  const { trial } = await observe(bed, setting, {
    stretches: [
      { rate: CALM_RATE, seconds: CALM_BEFORE_SECONDS, crossing: 'b' },
      { rate, seconds, crossing: 'a' },
      { rate: CALM_RATE, seconds: CALM_AFTER_SECONDS, crossing: 'b' },
    ],
    measureFromMs: floodFromMs,
    measureToMs: floodToMs,
  });
  await delay(BROKER_COUNTS_MS);
  const counts = await bed.service.counts();
  const stored = counts.stored - countsBefore.stored;
  const droppedByService = counts.dropped - countsBefore.dropped;
  const droppedByBroker = bed.brokerDropped - droppedBefore;
  const rss = trial.usage.service ?? [];
  const within = (from: number, to: number) => rss.filter(({ atMs }) => atMs >= from && atMs < to);
  const secondHalf = within((floodFromMs + floodToMs) / 2, floodToMs);
  const sent = trial.preludeReadings + trial.sent;
  const result: Flood = {
    service: bed.name,
    rate,
    seconds,
    rssBefore: Math.max(...within(0, floodFromMs).map(({ rssBytes }) => rssBytes)),
    rssMax: Math.max(...rss.map(({ rssBytes }) => rssBytes)),
    rssSlope: slope(secondHalf.map(({ atMs, rssBytes }) => ({ x: atMs / 1000, y: rssBytes }))),
    sent,
    unsent: trial.unsent,
    stored,
    droppedByBroker,
    droppedByService,
    unaccounted: sent - stored - droppedByBroker - droppedByService,
    recoverySeconds: recovery(trial.loops, floodToMs, floodToMs + CALM_AFTER_SECONDS * 1000),
    survived: bed.service.alive,
  };
  setting.log(`${bed.name} flood: ${JSON.stringify(result)}`);
  for (let at = floodToMs - 1000; at < floodToMs + CALM_AFTER_SECONDS * 1000; at += 1000) {
    const second = trial.loops.filter(({ dueAt }) => dueAt >= at && dueAt < at + 1000);
    const p99Ms = percentile(
      second.map(({ latencyMs }) => latencyMs),
      0.99,
    );
    setting.log(`  ${(at - floodToMs) / 1000} s: ${second.length} loops, p99 ${p99Ms.toFixed(0)} ms`);
  }
  return result;
}

/**
 * Seconds from `fromMs` until loops are normal: from the first slice on, 99 % of the loops of the next two seconds are
 * within the limit, and every slice has some.
 */
export function recovery(loops: readonly Loop[], fromMs: number, toMs: number): number | undefined {
  const slices: number[][] = Array.from({ length: Math.floor((toMs - fromMs) / SLICE_MS) }, () => []);
  for (const { dueAt, latencyMs } of loops) slices[Math.floor((dueAt - fromMs) / SLICE_MS)]?.push(latencyMs);
  const isNormal = (first: number) => {
    const next = slices.slice(first, first + NORMAL_SLICES);
    return (
      next.length === NORMAL_SLICES &&
      next.every((slice) => slice.length > 0) &&
      percentile(next.flat(), 0.99) < SUSTAINED_P99_MS
    );
  };
  const first = slices.findIndex((_, index) => isNormal(index));
  return first === -1 ? undefined : (first * SLICE_MS) / 1000;
}
