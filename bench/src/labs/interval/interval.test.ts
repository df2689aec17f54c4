import { comparePolicies } from './compare-policies.js';
import { lightCurve, SKIES } from './light-curve.js';
import { changesOf, runDay } from './run-day.js';

const SUNNY = SKIES.slice(0, 1);

it('changesOf finds one dusk and one dawn on a sunny day', () => {
  const changes = changesOf(lightCurve(SUNNY[0]!, 1));
  expect(changes.map(({ dark }) => dark).sort()).toEqual([false, true]);
});

it('runDay detects a change with the first reading after it, and misses it if it has ended by then', () => {
  const light = (ms: number) => (ms >= 10_000 && ms < 14_000 ? 100 : 900);
  const changes = changesOf(light);
  expect(changes.map(({ at, dark }) => [at, dark])).toEqual([
    [10_000, true],
    [14_000, false],
  ]);
  const frequent = runDay(light, changes, 3000, 1);
  expect(frequent.missed).toBe(0);
  expect(Math.max(...frequent.delaysMs)).toBeLessThan(3150);
  const rare = runDay(light, changes, 40_000_000, 1);
  expect([rare.delaysMs, rare.missed]).toEqual([[], 2]);
});

it('an adaptive interval is as fast as one second on a sunny day, with less than 2 % of the readings', () => {
  const results = comparePolicies(3, SUNNY);
  const named = (name: string) => results.find((result) => result.name === name)!;
  const [fixed, adaptive] = [named('every 1 s'), named('adaptive, 1 to 60 s')];
  expect(adaptive.readings * 50).toBeLessThan(fixed.readings);
  expect(adaptive.missed).toBe(0);
  expect(adaptive.maxDelay).toBeLessThanOrEqual(1.05);
});
