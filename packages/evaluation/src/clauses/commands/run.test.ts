import {
  acknowledging,
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  raised,
  ruleOf,
  START,
  type Step,
  traceOf,
} from '../../../test/rule-under-test.js';
import type { Observation } from '../../context/evaluation-context.js';
import { evaluate } from '../../evaluate/evaluate.js';
import { explain } from '../../explanation/explain.js';

const run = { seconds: '(300 - light) / 10', max: '1m' };
const FIFTY_SECONDS = { seconds: '50', max: '1m' };

describe('run', () => {
  it.each<[problem: string | RegExp, changes: object]>([
    ['/run/seconds: must be a number, but is a string', { run: { seconds: '"5"', max: '5s' } }],
    [
      '/run/max: must be a duration such as "30s", "5m" or "1h", from 1s to 7d',
      { run: { seconds: '5', max: '500ms' } },
    ],
    ['/else: is required with "run": it ends the run', { else: undefined, run }],
    ['/mode: must be "change" with "run"', { mode: 'every', run }],
    [
      /^\/run\/seconds: 'light' is not available here/,
      { quorum: { policy: 'majority' }, run: { seconds: 'light', max: '5s' } },
    ],
  ])('rejects with %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it('lasts for the computed time, whatever the readings during it', () => {
    expect(commandsOf({ run }, every(1, [400, 280, 100]), { until: 300 })).toBe('-0first +1 -3run_over');
  });

  it('lasts for the maximum at most', () => {
    expect(commandsOf({ run }, [[0, -1e9]], { until: 300 })).toBe('+0first -60run_over');
  });

  it('is followed by the settling time and then by the next run', () => {
    const rule = { run: { seconds: '5', max: '1m' }, settle: '20s' };
    const steps = Array.from({ length: 40 }, (_, i): Step => [i, 200]);
    expect(commandsOf(rule, steps, { until: 300 })).toBe('+0first -5run_over +25 -30run_over');
  });

  it('ends early only by "clear"', () => {
    const steps: Step[] = [
      [0, 200],
      [10, 400],
    ];
    expect(commandsOf({ run: FIFTY_SECONDS }, steps, { until: 300 })).toBe('+0first -50run_over');
    expect(commandsOf({ run: FIFTY_SECONDS, clear: 'light > 330' }, steps, { until: 300 })).toBe(
      '+0first -10',
    );
  });

  it('does not start if it would take no time', () => {
    expect(commandsOf({ when: 'light < 400', run }, every(1, [350, 300, 290]), { until: 9 })).toBe(
      '-0first +2 -3run_over',
    );
  });

  it.each([
    ['was disabled', { enabled: false }, 1],
    ['was reset by a change', { when: 'light < 100' }, 2],
    ['no longer has runs', { run: undefined }, 2],
  ])('ends on time if the rule %s during it', (_what, edit, since) => {
    const observation: Observation = { trigger: 'reading', reading: { light: 5 }, ageMs: 0, heardAt: START };
    const started = evaluate(ruleOf({ run: FIFTY_SECONDS }), undefined, observation, acknowledging, START);
    const edited = ruleOf({ run: FIFTY_SECONDS, ...edit }, since);
    const timer: Observation = { ...observation, trigger: 'timer' };
    const during = evaluate(edited, started.state, timer, acknowledging, START + 20_000);
    expect(during).toMatchObject({ emit: undefined, wakeAt: START + 50_000 });
    expect(evaluate(edited, during.state, timer, acknowledging, START + 50_000)).toMatchObject({
      emit: { led_on: false },
      reason: 'run_over',
    });
  });

  it('is explained', () => {
    const running = { ...raised, runUntil: START + 5000 };
    expect(explain(traceOf({ run }, running))[0]).toBe('the run had 5 s to go');
    expect(explain(traceOf({ run }, { ...running, since: 0 }))).toEqual([
      'the run had 5 s to go; an earlier version started it, and this version starts when it ends',
    ]);
    expect(explain(traceOf({ run }, { ...running, runUntil: START }))[0]).toBe(
      'the time of the run was over',
    );
    expect(
      obstaclesOf({ run: { seconds: '(200 - light) / 10', max: '1m' } }, { ...lowered, at: START - 600_000 }),
    ).toEqual(['"(200 - light) / 10" came to -1.2: light was 212; the run would take no time']);
  });
});
