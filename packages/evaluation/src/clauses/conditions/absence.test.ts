import {
  acknowledging,
  commandsOf,
  lowered,
  obstaclesOf,
  problemsOf,
  ruleOf,
  START,
  type Step,
  traceOf,
} from '../../../test/rule-under-test.js';
import type { Observation } from '../../context/evaluation-context.js';
import type { RuleState } from '../../context/rule-state.js';
import type { Trace } from '../../context/trace.js';
import { evaluate } from '../../evaluate/evaluate.js';
import { explain } from '../../explanation/explain.js';

const absence = { after: '30s' };
const HOUR_MS = 3_600_000;
/** Readings at these seconds. */
const readingsAt = (...seconds: number[]): Step[] => seconds.map((second) => [second, 1]);

describe('absence', () => {
  it.each<[problem: string, changes: object]>([
    [
      '/absence/after: must be a duration such as "30s", "5m" or "1h", from 1s to 7d',
      { absence: { after: '1ms' } },
    ],
    [
      '/absence/after: is missing; it must be a duration such as "30s", "5m" or "1h", from 1s to 7d',
      { absence: {} },
    ],
    ['/when: cannot be used together with "absence"', { absence, when: 'light < 300' }],
    ['/quorum: cannot be used together with "absence"', { absence, quorum: { policy: 'any' } }],
    ['/deadband: cannot be used together with "absence"', { absence, deadband: { of: 'light', by: 1 } }],
  ])('rejects with %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([problem]);
  });

  it('raises once per silence, without a reading, and lowers at the next reading', () => {
    expect(commandsOf({ absence }, readingsAt(0, 20, 45, 100), { until: 300 })).toBe('+75 -100 +130');
  });

  describe('after an interruption of listening', () => {
    const heardAt = START - HOUR_MS;
    const evaluateTimer = (state: RuleState, second: number) => {
      const now = START + second * 1000;
      const trace: Trace = [];
      const observation: Observation = {
        trigger: 'timer',
        reading: {},
        ageMs: 0,
        heardAt,
        listeningSince: START,
      };
      return { ...evaluate(ruleOf({ absence }), state, observation, acknowledging, now, trace), trace };
    };

    it('stays raised until the next reading', () => {
      const state: RuleState = {
        since: 1,
        raised: true,
        at: START - 3_000_000,
        emittedAt: START - 3_000_000,
      };
      const evaluated = evaluateTimer(state, 10);
      expect(evaluated).toMatchObject({ emit: undefined, state });
      expect(evaluated.trace[0]).toMatchObject({ passes: true, amount: HOUR_MS + 10_000 });
    });

    it.each([10, 100])('does not raise again for the same silence, after %d s', (second) => {
      const state: RuleState = { since: 1, raised: false, at: START - 2e6, raisedAt: START - 3e6 };
      expect(evaluateTimer(state, second)).toMatchObject({ emit: undefined, wakeAt: undefined });
    });

    it('counts only the silence since listening resumed', () => {
      const state: RuleState = { since: 1, raised: false, at: START - 4_000_000 };
      expect(evaluateTimer(state, 10)).toMatchObject({ emit: undefined, wakeAt: START + 30_000 });
      expect(evaluateTimer(state, 30)).toMatchObject({ raise: true });
    });
  });

  it('counts silence from the first evaluation of the rule', () => {
    const observation: Observation = { trigger: 'timer', reading: {}, ageMs: 0, heardAt: START - HOUR_MS };
    const rule = ruleOf({ absence });
    const first = evaluate(rule, undefined, observation, acknowledging, START);
    expect(first).toMatchObject({ emit: undefined, wakeAt: START + 30_000, state: { raised: false } });
    const due = evaluate(rule, first.state, observation, acknowledging, START + 30_000);
    expect(due).toMatchObject({ raise: true, reason: 'change' });
    expect(evaluate(rule, due.state, observation, acknowledging, START + 90_000).emit).toBeUndefined();
  });

  it('waits for one and a half times the longest interval set for the device', () => {
    const observation: Observation = {
      trigger: 'timer',
      reading: {},
      ageMs: 0,
      heardAt: START,
      longestIntervalMs: 60_000,
    };
    const state: RuleState = { since: 1, raised: false, at: START - HOUR_MS };
    const at = (second: number) =>
      evaluate(ruleOf({ absence }), state, observation, acknowledging, START + second * 1000);
    expect(at(89)).toMatchObject({ emit: undefined, wakeAt: START + 90_000 });
    expect(at(90)).toMatchObject({ raise: true });
  });

  it('lowers only if no new silence interrupts the hold', () => {
    const rule = { absence: { after: '10s' }, hold: '20s' };
    expect(commandsOf(rule, readingsAt(0, 32, 41, 50), { until: 60 })).toBe('+30 -52');
    expect(commandsOf(rule, readingsAt(0, 32, 45, 54), { until: 60 })).toBe('+30');
  });

  it('sets no timer for a silence whose run would take no time', () => {
    const rule = ruleOf({ absence, run: { seconds: '300 - light', max: '1m' } });
    const state: RuleState = { since: 1, raised: false, at: START };
    const observation: Observation = { trigger: 'timer', reading: { light: 400 }, ageMs: 0, heardAt: START };
    expect(evaluate(rule, state, observation, acknowledging, START + 30_000)).toMatchObject({
      emit: undefined,
      wakeAt: undefined,
    });
  });

  it('raises for a silence that began during the run for the previous one', () => {
    const rule = { absence: { after: '10s' }, hold: '20s', run: { seconds: '25', max: '1m' } };
    expect(commandsOf(rule, readingsAt(0, 31), { until: 180 })).toBe(
      '+30 -55run_over +75.001 -100.001run_over',
    );
  });

  it('raises once per silence if its run ends before the silence', () => {
    const rule = { absence, run: { seconds: '5', max: '1m' } };
    expect(commandsOf(rule, readingsAt(0), { until: 300 })).toBe('+30 -35run_over');
    expect(commandsOf(rule, readingsAt(0, 32), { until: 300 })).toBe('+30 -32 +62 -67run_over');
  });

  it('is explained', () => {
    const silentFor = (ms: number) => ({ trigger: 'timer' as const, heardAt: START - ms });
    const since = { ...lowered, at: START - HOUR_MS };
    expect(obstaclesOf({ absence: { after: '5m' } }, lowered, silentFor(30_000))).toEqual([
      'the device had been silent for 30 s; 5 min are needed',
    ]);
    expect(explain(traceOf({ absence }, since, silentFor(45_000)))[0]).toBe(
      'the device had been silent for 45 s, at least 30 s',
    );
    expect(obstaclesOf({ absence }, { ...since, raisedAt: START - 10_000 }, silentFor(45_000))).toEqual([
      'the device had been silent for 45 s, and the rule had already sent its command',
    ]);
  });
});
