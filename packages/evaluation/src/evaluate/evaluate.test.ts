import { acknowledging, ruleOf, START } from '../../test/rule-under-test.js';
import type { Observation } from '../context/evaluation-context.js';
import type { RuleState } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { evaluate } from './evaluate.js';

const observation: Observation = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START };
const raisedState: RuleState = { since: 1, raised: true, at: START, emittedAt: START };

describe('evaluate', () => {
  it('returns the same state object if nothing changed, so that nothing is written', () => {
    expect(evaluate(ruleOf(), raisedState, observation, acknowledging, START + 1).state).toBe(raisedState);
  });

  it('starts from scratch if the rule has another `since` than the state', () => {
    expect(evaluate(ruleOf({}, 2), raisedState, observation, acknowledging, START + 1)).toMatchObject({
      raise: true,
      reason: 'first',
      state: { since: 2 },
    });
  });

  it('returns a failed expression as a result and keeps the state', () => {
    const rule = ruleOf({ when: '1 / (light - 5) > 0' });
    const evaluated = evaluate(rule, raisedState, observation, acknowledging, START);
    expect(evaluated).toMatchObject({
      result: 'error',
      emit: undefined,
      error: expect.stringContaining('zero'),
    });
    expect(evaluated.state).toBe(raisedState);
  });

  describe('after the server clock was set back', () => {
    const hour = 3_600_000;
    const later: RuleState = { since: 1, raised: true, at: START + hour, emittedAt: START + hour };

    it('delays no verdict', () => {
      const rule = ruleOf({ dwell: '10s', hold: '1s' });
      const state = { ...later, held: START + hour };
      const bright = { ...observation, reading: { light: 300 } };
      expect(evaluate(rule, state, bright, acknowledging, START).raise).toBe(false);
    });

    it('ends a run', () => {
      const rule = ruleOf({ run: { seconds: '5', max: '1m' } });
      const state = { ...later, runUntil: START + hour + 5000 };
      expect(evaluate(rule, state, observation, acknowledging, START).reason).toBe('run_over');
    });
  });

  it('records the result of each clause in the trace', () => {
    const rule = ruleOf({ hold: '10s', cooldown: '1m' });
    const state: RuleState = { ...raisedState, raised: false, raisedAt: START - 5000 };
    const trace: Trace = [];
    const dark = { ...observation, reading: { light: 212 } };
    evaluate(rule, state, { ...dark, ageMs: 5 }, acknowledging, START + 1000, trace);
    expect(trace).toEqual([
      { clause: 'maxAge', passes: true, amount: 5, limit: 30_000 },
      { clause: 'when', passes: true, text: 'light < 300', value: true, values: { light: 212 } },
      { clause: 'hold', passes: false, amount: 0, limit: 10_000, until: START + 11_000 },
      { clause: 'cooldown', passes: false, amount: 6000, limit: 60_000, until: START + 55_000 },
      { clause: 'emit', passes: false, value: false, amount: 1000 },
    ]);
  });
});
