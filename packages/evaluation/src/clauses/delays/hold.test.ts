import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  START,
  type Step,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

describe('hold', () => {
  it.each(['8d', 10])('rejects %j', (hold) => {
    expect(problemsOf({ hold })).toEqual([
      '/hold: must be a duration such as "30s", "5m" or "1h", at most 7d',
    ]);
  });

  it('delays the other verdict until it has lasted, and then takes effect without a reading', () => {
    const steps: Step[] = [
      [0, 400],
      [5, 200],
      [8, 400],
      [10, 200],
      [19, 200],
    ];
    expect(commandsOf({ hold: '10s' }, steps, { until: 60 })).toBe('-0first +20');
  });

  it('delays the first raise', () => {
    expect(commandsOf({ hold: '10s' }, every(4, [200, 200, 200, 200]), { until: 60 })).toBe('+10first');
    expect(commandsOf({ hold: '10s' }, every(4, [200, 200, 400]))).toBe('-8first');
  });

  it('restarts when no fresh reading requests the other verdict', () => {
    const steps: Step[] = [
      [0, 400],
      [5, 200],
      [60, 200],
    ];
    expect(commandsOf({ hold: '40s', maxAge: '30s' }, steps, { until: 80 })).toBe('-0first');
    expect(commandsOf({ hold: '40s', maxAge: '1h' }, steps, { until: 80 })).toBe('-0first +45');
  });

  it('is explained', () => {
    expect(obstaclesOf({ hold: '10s' }, { ...lowered, held: START - 4000 })).toEqual([
      'the other verdict had lasted for 4 s of 10 s (hold)',
    ]);
    expect(explain(traceOf({ hold: '10s' }, { ...lowered, held: START - 12_000 }))).toContain(
      'the other verdict had lasted for 12 s, at least 10 s (hold)',
    );
  });
});
