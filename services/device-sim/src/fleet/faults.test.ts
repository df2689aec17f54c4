import { burnsOutAfter } from './faults.js';

const names = Array.from({ length: 1000 }, (_, i) => `lamp-${i}`);
const burning = (seed: number, burnt: number, burntWithinMs = 0) =>
  names.filter((name) => burnsOutAfter(seed, name, { burnt, burntWithinMs }) !== undefined);

describe('burnsOutAfter', () => {
  it('returns undefined for a share of 0 and a time for a share of 1', () => {
    expect(burning(1, 0)).toHaveLength(0);
    expect(burning(1, 1)).toHaveLength(1000);
  });

  it('selects about the given share, by seed', () => {
    expect(burning(1, 0.1).length).toBeGreaterThan(70);
    expect(burning(1, 0.1).length).toBeLessThan(130);
    expect(burning(1, 0.1)).toEqual(burning(1, 0.1));
    expect(burning(2, 0.1)).not.toEqual(burning(1, 0.1));
  });

  it('spreads burn-outs over the given time', () => {
    const times = (within: number) =>
      names.map((name) => burnsOutAfter(1, name, { burnt: 1, burntWithinMs: within })!);
    expect(new Set(times(0))).toEqual(new Set([0]));
    const spread = times(60_000);
    expect(Math.min(...spread)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...spread)).toBeLessThan(60_000);
    expect(spread.filter((time) => time < 30_000).length).toBeGreaterThan(430);
    expect(spread.filter((time) => time < 30_000).length).toBeLessThan(570);
  });
});
