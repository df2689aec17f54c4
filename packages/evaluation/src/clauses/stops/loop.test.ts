import { acknowledging, lowered, obstaclesOf, ruleOf, START } from '../../../test/rule-under-test.js';
import type { Observation } from '../../context/evaluation-context.js';
import type { RuleState } from '../../context/rule-state.js';
import type { Trace } from '../../context/trace.js';
import { evaluate } from '../../evaluate/evaluate.js';
import { explain } from '../../explanation/explain.js';

/** Evaluates the night-light rule on readings that alternate between dark and bright. */
function alternate(times: number, intervalMs: number) {
  const rule = ruleOf();
  let state: RuleState | undefined;
  let commands = 0;
  let trace: Trace = [];
  for (let i = 0; i < times; i += 1) {
    const observation: Observation = {
      trigger: 'reading',
      reading: { light: i % 2 === 0 ? 200 : 400 },
      ageMs: 0,
      heardAt: START,
    };
    trace = [];
    const evaluated = evaluate(rule, state, observation, acknowledging, START + i * intervalMs, trace);
    state = evaluated.state;
    if (evaluated.emit !== undefined) commands += 1;
    if (trace.some(({ clause }) => clause === 'loop')) break;
  }
  return { rule, state, commands, trace };
}

describe('loop', () => {
  it('allows a burst of sixty changes of the verdict', () => {
    expect(alternate(100, 0).commands).toBe(60);
  });

  it('allows three changes per second', () => {
    expect(alternate(600, 334).commands).toBe(600);
  });

  it('cuts a rule that changes its verdict more often, for a minute', () => {
    const { rule, state, commands } = alternate(3000, 10);
    expect(commands).toBeGreaterThanOrEqual(60);
    expect(commands).toBeLessThan(66);
    const observation: Observation = {
      trigger: 'reading',
      reading: { light: 200 },
      ageMs: 0,
      heardAt: START,
    };
    const during = evaluate(rule, state, observation, acknowledging, state!.cut! - 30_000);
    expect(during).toMatchObject({ emit: undefined, wakeAt: state!.cut });
    const after = evaluate(rule, state, observation, acknowledging, state!.cut!);
    expect(after.state?.cut).toBeUndefined();
  });

  it('is explained', () => {
    expect(explain(alternate(100, 0).trace).at(-1)).toBe(
      'the rule changed its verdict too often: it was cut for 60 s, and no command was sent',
    );
    expect(obstaclesOf({}, { ...lowered, cut: START + 30_000 })).toEqual([
      'the rule had changed its verdict too often, and was cut until 2026-06-01T12:00:30.000Z',
    ]);
  });
});
