import { commandsOf, every, problemsOf, ruleOf } from '../../../test/rule-under-test.js';
import { effectSentence, type MeasuredEffect } from './effect.js';

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

const EFFECT = { expect: 'light > last.light + 50', withinMs: 10_000, at: Date.UTC(2026, 10, 22, 12) };

it.each<[MeasuredEffect['outcome'], string]>([
  ['pending', 'its expected effect ("light > last.light + 50" within 10 s) is not known yet'],
  [
    'effective',
    'it had the expected effect ("light > last.light + 50" within 10 s), detected in a reading at 2026-11-22T12:00:00.000Z',
  ],
  [
    'ineffective',
    'it did not have the expected effect ("light > last.light + 50" within 10 s): readings arrived, but none showed it',
  ],
  ['unmeasured', 'its effect ("light > last.light + 50" within 10 s) could not be measured'],
])('explains the outcome %s', (outcome, sentence) => {
  expect(effectSentence({ ...EFFECT, outcome })).toBe(sentence);
});
