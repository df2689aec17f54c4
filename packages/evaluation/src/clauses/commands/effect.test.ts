import { commandsOf, every, problemsOf, ruleOf } from '../../../test/rule-under-test.js';

describe('effect', () => {
  it.each<[problem: string, effect: object]>([
    [
      "/effect/expect: 'window' is not available here (at character 1)",
      { expect: 'window.avg("light", "1m") > 1', within: '5s' },
    ],
    [
      '/effect/expect: must be a boolean, but is a number; add a comparison, as in light < 300',
      { expect: '1 + 2', within: '5s' },
    ],
    [
      '/effect/within: must be a duration such as "30s", "5m" or "1h", from 1s to 1h',
      { expect: 'light > 1', within: '2h' },
    ],
  ])('rejects with %s', (problem, effect) => {
    expect(problemsOf({ effect })).toEqual([problem]);
  });

  it('compares the reading with the one before the command succeeded', () => {
    const { effect } = ruleOf({ effect: { expect: 'light > last.light + 50', within: '10s' } });
    expect(effect?.withinMs).toBe(10_000);
    expect(effect?.expect.evaluate({ reading: { light: 200 }, last: { light: 100 } })).toBe(true);
    expect(effect?.expect.evaluate({ reading: { light: 120 }, last: { light: 100 } })).toBe(false);
  });

  it('does not influence verdicts', () => {
    const effect = { expect: 'heat > 5', within: '10s' };
    expect(commandsOf({ effect }, every(1, [200, 400]))).toBe('+0first -1');
  });
});
