import { runExperiment } from './experiment.js';
import { Field, TICKS } from './field.js';
import { intervalOf } from './interval.js';
import { fillIn } from './page.js';
import { drawPicture } from './picture.js';
import { POLICIES } from './policies.js';
import { SCENARIOS } from './scenarios.js';
import { intervalText, plainTable, policyTable } from './tables.js';

const some = (...names: string[]) => SCENARIOS.filter(({ name }) => names.includes(name));

describe('the field', () => {
  it('is the same for the same seed, and another for another', () => {
    const day = (seed: number) => {
      const field = new Field(seed, 5, { birds: true, clouds: true, stuck: 0.2, dead: 0.2 });
      return Array.from({ length: TICKS }, (_, tick) =>
        [0, 1, 2, 3, 4].map((sensor) => field.reading(sensor, tick)),
      );
    };
    expect(day(1)).toEqual(day(1));
    expect(day(2)).not.toEqual(day(1));
  });

  it('has as many faulty sensors as it is told, from some moment on', () => {
    const field = new Field(3, 50, { dead: 0.3 });
    const alive = (tick: number) =>
      Array.from({ length: 50 }, (_, sensor) => field.reading(sensor, tick)).filter(
        (light) => light !== undefined,
      );
    expect(alive(TICKS - 1)).toHaveLength(35);
    expect(alive(0).length).toBeGreaterThan(35);
  });
});

describe('the laboratory', () => {
  const results = runExperiment(some('clear day', 'birds'), [5, 15], 3);
  const of = (scenario: string, sensors: number, policy: string) =>
    results.find((one) => one.scenario === scenario && one.sensors === sensors && one.policy === policy)!;

  it('runs every policy in every scenario', () => {
    expect(results).toHaveLength(2 * 2 * POLICIES.length);
  });

  it('switches twice on a clear day, by whatever policy asks many', () => {
    for (const policy of ['majority', 'median', 'trimmed mean'])
      expect(of('clear day', 15, policy).switches).toEqual({ mean: 2, half: 0 });
  });

  it('shows what birds do to a sensor alone and to `any`, and not to a majority or a median', () => {
    for (const policy of ['one sensor', 'any'])
      expect(of('birds', 15, policy).falseOnMinutes.mean).toBeGreaterThan(5);
    for (const policy of ['majority', 'median', 'trimmed mean'])
      expect(of('birds', 15, policy).falseOnMinutes.mean).toBeLessThan(5);
  });

  it('gives the same bytes again', () => {
    const again = runExperiment(some('clear day', 'birds'), [5, 15], 3);
    expect(plainTable(again)).toBe(plainTable(results));
    expect(drawPicture(again, 'a')).toBe(drawPicture(results, 'a'));
  });
});

it('an interval covers what differs, and nothing more', () => {
  expect(intervalOf([3, 3, 3])).toEqual({ mean: 3, half: 0 });
  const { mean, half } = intervalOf([1, 2, 3]);
  expect([mean, half]).toEqual([2, expect.closeTo(2.484, 3)]);
  expect([intervalText({ mean: 2, half: 0 }), intervalText({ mean: 12.3, half: 3.04 })]).toEqual([
    '2',
    '12 ± 3',
  ]);
});

it('tables go to their places in a page', () => {
  const table = policyTable(runExperiment(some('clear day'), [5], 2), 'switches');
  expect(table.split('\n')[0]).toBe('| | clear day |');
  const page = 'before\n<!-- a -->\nold\n<!-- /a -->\nafter';
  expect(fillIn(page, 'a', 'new')).toBe('before\n<!-- a -->\nnew\n<!-- /a -->\nafter');
  expect(() => fillIn(page, 'b', 'new')).toThrow('no place for b');
});
