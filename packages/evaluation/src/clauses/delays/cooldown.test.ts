import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  START,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

describe('cooldown', () => {
  it.each(['8d', 10])('rejects %j', (cooldown) => {
    expect(problemsOf({ cooldown })).toEqual([
      '/cooldown: must be a duration such as "30s", "5m" or "1h", at most 7d',
    ]);
  });

  it('keeps a distance between raises', () => {
    const lights = [200, 400, 200, 200, 400, 200, 200];
    expect(commandsOf({ cooldown: '20s' }, every(5, lights), { until: 60 })).toBe('+0first -5 +20 -20 +40');
  });

  it('is explained', () => {
    expect(obstaclesOf({ cooldown: '1m' }, { ...lowered, raisedAt: START - 46_000 })).toEqual([
      'cooldown: 14 s of 60 s were left',
    ]);
    expect(explain(traceOf({ cooldown: '1m' }, { ...lowered, raisedAt: START - 300_000 }))).toContain(
      'the last raise was 5 min ago, longer than the cooldown of 60 s',
    );
  });
});
