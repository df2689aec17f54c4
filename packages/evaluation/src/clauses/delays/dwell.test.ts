import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

describe('dwell', () => {
  it.each(['8d', 2])('rejects %j', (dwell) => {
    expect(problemsOf({ dwell })).toEqual([
      '/dwell: must be a duration such as "30s", "5m" or "1h", at most 7d',
    ]);
  });

  it('keeps a verdict for a time', () => {
    expect(commandsOf({ dwell: '10s' }, every(4, [200, 400, 400, 400]), { until: 60 })).toBe('+0first -10');
  });

  it('does not delay the first verdict', () => {
    expect(commandsOf({ hold: '2s', dwell: '10s' }, every(1, [200, 200, 200, 200]), { until: 20 })).toBe(
      '+2first',
    );
  });

  it('is explained', () => {
    expect(obstaclesOf({ dwell: '5m' }, lowered)).toEqual([
      'the verdict had lasted for 60 s of 5 min (dwell)',
    ]);
    expect(explain(traceOf({ dwell: '10s' }, lowered))).toContain(
      'the verdict had lasted for 60 s, at least 10 s (dwell)',
    );
  });
});
