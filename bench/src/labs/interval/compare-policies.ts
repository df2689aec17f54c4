import { lightCurve, SKIES, type Sky } from './light-curve.js';
import { changesOf, DARK_BELOW, type IntervalPolicy, LIGHT_ABOVE, runDay } from './run-day.js';

export const SEEDS = 20;

const adaptive = (min: number, max: number): IntervalPolicy => ({
  min,
  max,
  of: 'light',
  thresholds: [DARK_BELOW, LIGHT_ABOVE],
});

/** Fixed intervals, and adaptive ones. */
const INTERVAL_POLICIES: readonly { readonly name: string; readonly policy: IntervalPolicy }[] = [
  ...[1, 2, 5, 10, 30, 60].map((seconds) => ({ name: `every ${seconds} s`, policy: seconds * 1000 })),
  { name: 'adaptive, 1 to 60 s', policy: adaptive(1000, 60_000) },
  { name: 'adaptive, 1 to 10 s', policy: adaptive(1000, 10_000) },
];

/** The results of one policy under one sky, over all seeds. */
export interface PolicyResult {
  readonly sky: string;
  readonly name: string;
  readonly isAdaptive: boolean;
  /** Per day. */
  readonly readings: number;
  readonly wakeUps: number;
  /** True changes between dark and light, and those that ended before a reading showed them, over all seeds. */
  readonly changes: number;
  readonly missed: number;
  /** Seconds from a change to the reading that shows it, without missed changes. */
  readonly meanDelay: number;
  readonly p95Delay: number;
  readonly maxDelay: number;
}

/** Runs all policies on the same light curves. The results depend only on the arguments. */
export function comparePolicies(seeds = SEEDS, skies: readonly Sky[] = SKIES): PolicyResult[] {
  return skies.flatMap((sky) => {
    const days = Array.from({ length: seeds }, (_, i) => {
      const light = lightCurve(sky, i + 1);
      return { light, changes: changesOf(light), seed: i + 1 };
    });
    return INTERVAL_POLICIES.map(({ name, policy }) => {
      const outcomes = days.map(({ light, changes, seed }) => runDay(light, changes, policy, seed));
      const delays = outcomes.flatMap(({ delaysMs }) => delaysMs).sort((a, b) => a - b);
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      return {
        sky: sky.name,
        name,
        isAdaptive: typeof policy !== 'number',
        readings: sum(outcomes.map(({ readings }) => readings)) / seeds,
        wakeUps: sum(outcomes.map(({ wakeUps }) => wakeUps)) / seeds,
        changes: sum(days.map(({ changes }) => changes.length)),
        missed: sum(outcomes.map(({ missed }) => missed)),
        meanDelay: sum(delays) / delays.length / 1000,
        p95Delay: delays[Math.ceil(delays.length * 0.95) - 1]! / 1000,
        maxDelay: delays.at(-1)! / 1000,
      };
    });
  });
}
