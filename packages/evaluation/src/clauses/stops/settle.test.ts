import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

describe('settle', () => {
  it.each(['8d', 5, ''])('rejects %j', (settle) => {
    expect(problemsOf({ settle })).toEqual([
      '/settle: must be a duration such as "30s", "5m" or "1h", at most 7d',
    ]);
  });

  it('stops the evaluation for a time after a command', () => {
    expect(commandsOf({ settle: '10s' }, every(4, [200, 400, 400, 400, 400]), { until: 60 })).toBe(
      '+0first -12',
    );
  });

  it('does not evaluate later the readings of that time', () => {
    expect(commandsOf({ settle: '10s' }, every(9, [200, 400]), { until: 20 })).toBe('+0first');
  });

  it('is explained', () => {
    expect(obstaclesOf({ settle: '5m' }, lowered)).toEqual([
      'only 59.8 s of 5 min had passed since the last command (settle)',
    ]);
    expect(explain(traceOf({ settle: '10s' }, lowered))).toContain(
      'at least 10 s had passed since the last command (settle)',
    );
  });
});
