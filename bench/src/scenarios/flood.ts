import { setTimeout as delay } from 'node:timers/promises';
import type { Loop } from '../load/crossings.js';
import { percentile, slope } from '../measure/statistics.js';
import { CROSSING_EVERY } from '../results/goals.js';
import { figuresOf, type Sample } from '../results/sample.js';
import type { Testbed } from '../testbed/testbed.js';
import { SUSTAINED_P99_MS } from './sustained-rate.js';
import { measure, type Setting } from './trial.js';

const CALM_RATE = 2000;
const CALM_BEFORE_SECONDS = 4;
const CALM_AFTER_SECONDS = 15;
/** Loops are grouped into slices of this length, milliseconds. */
const SLICE_MS = 250;
const NORMAL_SLICES = 8;
/** Mosquitto publishes its counters every ten seconds. */
const BROKER_COUNTERS_MS = 11_000;

/**
 * Calm, then `rate` for `seconds`, then calm again. Devices whose loops are timed in the calm do not cross during the flood, so the
 * commands that the flood loses cannot be confused with later ones.
 */
export async function flood(
  testbed: Testbed,
  setting: Setting,
  { rate, seconds }: { rate: number; seconds: number },
): Promise<Sample> {
  await delay(BROKER_COUNTERS_MS);
  const droppedBefore = testbed.brokerDropped;
  const countsBefore = await testbed.service.counts();
  const floodFromMs = CALM_BEFORE_SECONDS * 1000;
  const floodToMs = floodFromMs + seconds * 1000;
  const endMs = floodToMs + CALM_AFTER_SECONDS * 1000;
  const { trial } = await measure(
    testbed,
    { ...setting, isPatient: false },
    {
      load: {
        stretches: [
          { rate: CALM_RATE, seconds: CALM_BEFORE_SECONDS, crossing: 'b' },
          { rate, seconds, crossing: 'a' },
          { rate: CALM_RATE, seconds: CALM_AFTER_SECONDS, crossing: 'b' },
        ],
      },
      crossingEvery: CROSSING_EVERY,
      measureFromMs: floodFromMs,
      measureToMs: floodToMs,
    },
  );
  await delay(BROKER_COUNTERS_MS);
  const counts = await testbed.service.counts();
  const added = (name: 'stored' | 'dropped') => (counts?.[name] ?? 0) - (countsBefore?.[name] ?? 0);
  const droppedByBroker = testbed.brokerDropped - droppedBefore;
  const rss = (trial.usage.service ?? []).map(({ atMs, rssBytes }) => ({
    x: atMs / 1000,
    y: rssBytes / 1e6,
  }));
  const within = (fromMs: number, toMs: number) =>
    rss.filter(({ x }) => x * 1000 >= fromMs && x * 1000 < toMs);
  const largest = (points: typeof rss) => Math.max(...points.map(({ y }) => y));
  const sent = trial.preludeReadings + trial.sent;
  const sample: Sample = {
    scenario: 'flood',
    service: testbed.name,
    qos: setting.qos,
    crossingEvery: CROSSING_EVERY,
    figures: figuresOf({
      perSecond: rate,
      rssMb: largest(rss),
      rssGrowthMb: largest(rss) - largest(within(0, floodFromMs)),
      rssMbPerSecond: slope(within((floodFromMs + floodToMs) / 2, floodToMs)),
      droppedByBroker,
      unaccounted: sent - added('stored') - added('dropped') - droppedByBroker,
      recoverySeconds: recoverySeconds(trial.loops, floodToMs, endMs) ?? CALM_AFTER_SECONDS,
    }),
  };
  const state = testbed.service.alive ? '' : ', the service ended';
  setting.log(`flood, QoS ${setting.qos}, ${testbed.name}: ${JSON.stringify(sample.figures)}${state}`);
  return sample;
}

/**
 * Seconds from `fromMs` until loops are normal: 99 % of the loops of the next two seconds are below the limit, and no slice is empty.
 * Undefined if they never are.
 */
export function recoverySeconds(loops: readonly Loop[], fromMs: number, toMs: number): number | undefined {
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
