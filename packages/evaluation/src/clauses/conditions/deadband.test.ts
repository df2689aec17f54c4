import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  type Step,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

const deadband = { of: 'light', by: 20 };

describe('deadband', () => {
  it.each<[problem: string, deadband: object]>([
    ['/deadband/by: must be above 0', { of: 'light', by: 0 }],
    ['/deadband/by: must be a number', { of: 'light', by: '5' }],
    ['/deadband/of: is missing; it must be a string', { by: 5 }],
    ['/deadband/of: must be a number, but is a boolean', { of: 'light > 3', by: 1 }],
  ])('rejects with %s', (problem, field) => {
    expect(problemsOf({ deadband: field })).toEqual([problem]);
  });

  it.each(['any', 'all', 'majority', 'atLeast'])('rejects a quorum that counts votes: %s', (policy) => {
    const quorum = { policy, ...(policy === 'atLeast' && { count: 2 }) };
    expect(problemsOf({ quorum, deadband })).toEqual([
      '/deadband: cannot be used where votes are counted; use policy "median" or "trimmedMean", which have a value',
    ]);
  });

  it('skips a reading that has moved less since the last evaluated one', () => {
    expect(commandsOf({ deadband }, every(1, [295, 305, 290, 310, 316, 297, 296]))).toBe('+0first -4 +6');
  });

  it('continues a pending hold while readings are skipped', () => {
    const steps: Step[] = [
      [0, 400],
      [1, 290],
      [5, 301],
      [9, 285],
    ];
    expect(commandsOf({ deadband, hold: '10s' }, steps, { until: 60 })).toBe('-0first +11');
  });

  it('is explained', () => {
    expect(obstaclesOf({ deadband }, { ...lowered, band: 205 })).toEqual([
      'it had moved by 7 since it was last evaluated, less than 20, so the reading was skipped',
    ]);
    expect(explain(traceOf({ deadband }, { ...lowered, band: 250 }))).toContain(
      'it had moved by 38 since it was last evaluated',
    );
  });
});
