import { lowered, obstaclesOf, problemsOf, raised, ruleOf, traceOf } from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';
import type { RuleInput } from '../../rule/rule.js';
import { quorum } from './quorum.js';

const MEDIAN = { when: 'value < 300', quorum: { policy: 'median', of: 'light' } };

describe('quorum', () => {
  it.each<[problem: string, changes: object]>([
    [
      '/target: is only valid with "quorum"; other rules command the device that they evaluate',
      { target: { devices: '*' } },
    ],
    [
      '/quorum/policy: is missing; it must be "any" or "all" or "majority" or "atLeast" or "median" or "trimmedMean"',
      { quorum: {} },
    ],
    ['/mode: must be "change" with a quorum', { quorum: { policy: 'any' }, mode: 'every' }],
    [
      '/quorum/count: is required with policy "atLeast": how many sensors must agree',
      { quorum: { policy: 'atLeast' } },
    ],
    ['/quorum/count: is only valid with policy "atLeast"', { quorum: { policy: 'majority', count: 3 } }],
    [
      '/quorum/count: must be at most 2, the number of sensors',
      { scope: { devices: ['a', 'b'] }, quorum: { policy: 'atLeast', count: 3 } },
    ],
    [
      '/quorum/needs: must be at most 3, the number of sensors',
      { quorum: { policy: 'any', expected: 3, needs: 4 } },
    ],
    ['/quorum/needs: must be at most 1000', { quorum: { policy: 'any', needs: 1001 } }],
    [
      '/quorum/expected: must be 2, the number of sensors that the scope names, or left out',
      { scope: { devices: ['a', 'b'] }, quorum: { policy: 'any', expected: 3 } },
    ],
    [
      '/quorum/of: is required with policy "median": the number that each sensor contributes',
      { ...MEDIAN, quorum: { policy: 'median' } },
    ],
    [
      '/quorum/of: is only valid with policies "median" and "trimmedMean"; the others count the sensors for which "when" is true',
      { quorum: { policy: 'any', of: 'light' } },
    ],
    [
      '/quorum/of: must be a number, but is a boolean',
      { ...MEDIAN, quorum: { policy: 'median', of: 'light > 1' } },
    ],
    [
      "/quorum/of: 'window' is not available here (at character 1)",
      { ...MEDIAN, quorum: { policy: 'median', of: 'window.avg("light", "1m")' } },
    ],
    [
      '/quorum/trim: is only valid with policy "trimmedMean"',
      { ...MEDIAN, quorum: { policy: 'median', of: 'light', trim: 0.1 } },
    ],
    [
      '/quorum/trim: must be at most 0.49',
      { ...MEDIAN, quorum: { policy: 'trimmedMean', of: 'light', trim: 0.5 } },
    ],
    ['/quorum/safe: is required with "lost": "safe"', { quorum: { policy: 'any', lost: 'safe' } }],
    ['/quorum/safe: is only valid with "lost": "safe"', { quorum: { policy: 'any', safe: { a: 1 } } }],
    [
      "/when: 'last' is not available here (at character 9)",
      { quorum: { policy: 'any' }, when: 'light < last.light' },
    ],
    [
      `/when: 'light' is not available here: a measuring quorum evaluates "of" on each sensor, and this expression on the resulting "value"`,
      { ...MEDIAN, when: 'light < 300 && value < 5' },
    ],
  ])('rejects with %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([problem]);
  });

  it('commands the targets, or else the devices of the scope', () => {
    const rule: Partial<RuleInput> = { quorum: { policy: 'any' }, target: { devices: ['north'] } };
    expect(ruleOf(rule).target).toEqual(['north']);
    expect(ruleOf({ ...rule, target: undefined }).target).toBeUndefined();
  });

  it.each([
    [true, lowered, 'the result of the vote was yes'],
    [false, raised, 'the result of the vote was no'],
    [undefined, lowered, 'the vote had no result'],
  ])('takes the verdict of the votes: %s', (verdict, state, sentence) => {
    const observed = { trigger: 'timer' as const, reading: {}, ...(verdict !== undefined && { verdict }) };
    const trace = traceOf({ quorum: { policy: 'any' } }, state, observed);
    expect(trace).toContainEqual({ clause: 'quorum', passes: verdict === true, value: verdict });
    expect(explain(trace)).toContain(sentence);
  });

  it('is explained while too few votes are fresh', () => {
    const lost = { clause: 'quorum', passes: false, reason: 'lost' } as const;
    expect(quorum.sentences.quorum(lost)).toBe('too few sensors had fresh votes');
    expect(quorum.sentences.quorum({ ...lost, until: 60_000 })).toBe(
      'too few sensors had fresh votes; the safe action stays until 1970-01-01T00:01:00.000Z',
    );
    expect(obstaclesOf({ quorum: { policy: 'any' } }, lowered, { reading: {} })).toEqual([
      'the vote had no result',
    ]);
  });
});
