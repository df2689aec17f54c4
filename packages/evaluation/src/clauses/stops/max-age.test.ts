import {
  acknowledging,
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  ruleOf,
  START,
  traceOf,
} from '../../../test/rule-under-test.js';
import { evaluate } from '../../evaluate/evaluate.js';
import { explain } from '../../explanation/explain.js';
import type { RuleInput } from '../../rule/rule.js';

describe('maxAge', () => {
  it.each(['8d', 30, '1.5s', 'soon'])('rejects %j', (maxAge) => {
    expect(problemsOf({ maxAge })).toEqual([
      '/maxAge: must be a duration such as "30s", "5m" or "1h", at most 7d',
    ]);
  });

  it('stops the evaluation of an older reading', () => {
    expect(commandsOf({ maxAge: '30s' }, every(1, [200]), { age: 31 })).toBe('');
    expect(commandsOf({ maxAge: '30s' }, every(1, [200]), { age: 30 })).toBe('+0first');
  });

  it('does not stop a verdict that was due while the reading was fresh, if the timer is a moment late', () => {
    const light = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START } as const;
    const afterTimer = (changes: Partial<RuleInput>, seconds: number) => {
      const rule = ruleOf({ hold: '30s', ...changes });
      const { state } = evaluate(rule, undefined, light, acknowledging, START);
      const now = START + seconds * 1000;
      return evaluate(rule, state, { ...light, trigger: 'timer', ageMs: now - START }, acknowledging, now);
    };
    expect(afterTimer({}, 30.25)).toMatchObject({ raise: true, reason: 'first' });
    expect(afterTimer({}, 31.25)).toMatchObject({ emit: undefined, state: { held: undefined } });
    expect(afterTimer({ quiet: { from: '11:00', to: '13:00' } }, 30.25)).toMatchObject({ emit: undefined });
    const oneMinute = { from: '12:00', to: '12:01' };
    expect(afterTimer({ quiet: oneMinute, maxAge: '60s' }, 60.25)).toMatchObject({ raise: true });
    expect(afterTimer({ quiet: oneMinute, maxAge: '59s' }, 60)).toMatchObject({ emit: undefined });
  });

  it('is explained', () => {
    expect(explain(traceOf({}, lowered))[0]).toBe('the reading was 200 ms old, 30 s are allowed');
    expect(obstaclesOf({}, lowered, { ageMs: 31_000 })).toEqual([
      'the reading was 31 s old, too old for the 30 s that are allowed',
    ]);
  });
});
