import { compare } from './compare.js';
import { GOALS, type Goal, PRODUCT } from './goals.js';
import type { Sample } from './sample.js';

const goal = (more: Partial<Goal>): Goal => ({
  title: 'loop p50',
  figure: 'p50Ms',
  where: { scenario: 'fixed-rate', qos: 0 },
  ...more,
});
const sample = (service: string, p50Ms: number): Sample => ({
  scenario: 'fixed-rate',
  service,
  qos: 0,
  figures: { p50Ms },
});
const met = (samples: Sample[], of: Goal, isQuick = false) =>
  compare(samples, isQuick, [of]).map((comparison) => comparison.met);

describe('compare', () => {
  it('applies a limit to the ratio of the medians', () => {
    const samples = [sample(PRODUCT, 9), sample(PRODUCT, 2), sample(PRODUCT, 3), sample('peer', 2)];
    const [comparison] = compare(samples, false, [goal({ peer: 'peer', atMost: 1.5 })]);
    expect(comparison).toMatchObject({ product: 3, peer: 2, measured: 1.5, limit: '≤ 1.5', met: true });
    expect(met(samples, goal({ peer: 'peer', atMost: 1.4 }))).toEqual([false]);
    expect(met(samples, goal({ peer: 'peer', atLeast: 1.6 }))).toEqual([false]);
  });

  it('applies an absolute limit without a peer', () => {
    expect(met([sample(PRODUCT, 3)], goal({ atMost: 3 }))).toEqual([true]);
    expect(met([sample(PRODUCT, 3.1)], goal({ atMost: 3 }))).toEqual([false]);
  });

  it('accepts a difference below the tolerance', () => {
    const samples = [sample(PRODUCT, 1.2), sample('peer', 1)];
    expect(met(samples, goal({ peer: 'peer', atMost: 1, tolerance: 0.3 }))).toEqual([true]);
    expect(met(samples, goal({ peer: 'peer', atMost: 1, tolerance: 0.1 }))).toEqual([false]);
  });

  it('applies the quick limits only, on request', () => {
    const samples = [sample(PRODUCT, 3), sample('peer', 1)];
    expect(met(samples, goal({ peer: 'peer', atMost: 1, quick: 4 }), true)).toEqual([true]);
    expect(met(samples, goal({ peer: 'peer', atMost: 1 }), true)).toEqual([]);
  });

  it('leaves out goals without measurements', () => {
    expect(met([sample(PRODUCT, 3)], goal({ peer: 'peer', atMost: 1 }))).toEqual([]);
    expect(met([sample('peer', 3)], goal({ peer: 'peer', atMost: 1 }))).toEqual([]);
  });
});

describe('GOALS', () => {
  it('each have one limit, and quick limits that are no stricter', () => {
    for (const { atLeast, atMost, quick } of GOALS) {
      expect([atLeast, atMost].filter((bound) => bound !== undefined)).toHaveLength(1);
      if (quick !== undefined && atLeast !== undefined) expect(quick).toBeLessThanOrEqual(atLeast);
      if (quick !== undefined && atMost !== undefined) expect(quick).toBeGreaterThanOrEqual(atMost);
    }
  });
});
