import { runExperiment } from './experiment.js';
import { Field, TICKS } from './field.js';
import { intervalOf } from './interval.js';
import { drawPicture } from './picture.js';
import { POLICIES } from './policies.js';
import { SCENARIOS } from './scenarios.js';
import { intervalText, plainTable, policyTable } from './tables.js';

const some = (...names: string[]) => SCENARIOS.filter(({ name }) => names.includes(name));

describe('Field', () => {
  it('depends only on its seed', () => {
    const day = (seed: number) => {
      const field = new Field(seed, 5, { birds: true, clouds: true, stuck: 0.2, dead: 0.2 });
      return Array.from({ length: TICKS }, (_, tick) =>
        [0, 1, 2, 3, 4].map((sensor) => field.reading(sensor, tick)),
      );
    };
    expect(day(1)).toEqual(day(1));
    expect(day(2)).not.toEqual(day(1));
  });

  it('has the requested share of faulty sensors by the end of the day', () => {
    const field = new Field(3, 50, { dead: 0.3 });
    const alive = (tick: number) =>
      Array.from({ length: 50 }, (_, sensor) => field.reading(sensor, tick)).filter(
        (light) => light !== undefined,
      );
    expect(alive(TICKS - 1)).toHaveLength(35);
    expect(alive(0).length).toBeGreaterThan(35);
  });
});

describe('runExperiment', () => {
  const results = runExperiment(some('clear day', 'birds'), [5, 15], 3);
  const of = (scenario: string, sensors: number, policy: string) =>
    results.find((one) => one.scenario === scenario && one.sensors === sensors && one.policy === policy)!;

  it('runs every policy in every scenario', () => {
    expect(results).toHaveLength(2 * 2 * POLICIES.length);
  });

  it('switches twice on a clear day with each policy that uses many sensors', () => {
    for (const policy of ['majority', 'median', 'trimmed mean'])
      expect(of('clear day', 15, policy).switches).toEqual({ mean: 2, half: 0 });
  });

  it('shows that birds mislead one sensor and `any`, but no majority or median', () => {
    for (const policy of ['one sensor', 'any'])
      expect(of('birds', 15, policy).falseOnMinutes.mean).toBeGreaterThan(5);
    for (const policy of ['majority', 'median', 'trimmed mean'])
      expect(of('birds', 15, policy).falseOnMinutes.mean).toBeLessThan(5);
  });

  it('is reproducible to the byte', () => {
    const again = runExperiment(some('clear day', 'birds'), [5, 15], 3);
    expect(plainTable(again)).toBe(plainTable(results));
    expect(drawPicture(again, 'a')).toBe(drawPicture(results, 'a'));
  });
});

it('intervalOf is wider than 0 only if values differ', () => {
  expect(intervalOf([3, 3, 3])).toEqual({ mean: 3, half: 0 });
  const { mean, half } = intervalOf([1, 2, 3]);
  expect([mean, half]).toEqual([2, expect.closeTo(2.484, 3)]);
  expect([intervalText({ mean: 2, half: 0 }), intervalText({ mean: 12.3, half: 3.04 })]).toEqual([
    '2',
    '12 ± 3',
  ]);
});

it('policyTable has a column per scenario', () => {
  const table = policyTable(runExperiment(some('clear day'), [5], 2), 'switches');
  expect(table.split('\n')[0]).toBe('| | clear day |');
});
