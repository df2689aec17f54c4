import {
  commandsOf,
  every,
  lowered,
  obstaclesOf,
  problemsOf,
  raised,
  type Step,
  traceOf,
} from '../../../test/rule-under-test.js';
import { explain } from '../../explanation/explain.js';

describe('when', () => {
  it.each<[problem: string | RegExp, changes: object]>([
    ['/when: a rule needs "when" or "absence"', { when: undefined }],
    [/^\/when: .*the end/, { when: 'light <' }],
    ['/when: is empty', { when: '' }],
    ['/when: must have at most 2000 characters', { when: '1'.repeat(2001) }],
    ['/when: must be a string', { when: true }],
    ['/when: must be a boolean, but is a number; add a comparison, as in light < 300', { when: '1 + 2' }],
  ])('rejects with %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it('sends a command on the first reading and then when the verdict changes', () => {
    expect(commandsOf({}, every(1, [299, 0, 300, 1023, 299]))).toBe('+0first -2 +4');
  });

  it('keeps the verdict if the reading lacks the measurement', () => {
    const steps: Step[] = [
      [0, 299],
      [1, { other: 1 }],
      [2, 299],
      [3, { other: 1 }],
      [4, 300],
    ];
    expect(commandsOf({}, steps)).toBe('+0first -4');
  });

  it.each([
    [412, 'light was 412, above 300: "light < 300" did not hold'],
    [300, 'light was 300, equal to 300: "light < 300" did not hold'],
  ])('is explained for a light of %d', (light, sentence) => {
    expect(obstaclesOf({}, lowered, { reading: { light } })).toEqual([sentence]);
  });

  it('is explained if the reading lacks the measurement', () => {
    expect(obstaclesOf({}, lowered, { reading: {} })).toEqual([
      '"light < 300" was undecided: light is missing',
    ]);
  });
});

describe('clear', () => {
  it.each<[problem: string | RegExp, changes: object]>([
    [
      '/clear: must differ from "when", or the condition that raises the rule also lowers it',
      { clear: 'light < 300' },
    ],
    [/^\/clear: unknown function 'siez'/, { clear: 'siez(light) > 1' }],
    [
      '/clear: cannot be used together with "absence"',
      { when: undefined, clear: 'light > 1', absence: { after: '5m' } },
    ],
  ])('rejects with %s', (problem, changes) => {
    expect(problemsOf(changes)).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it.each([
    ['keeps the verdict between the limits', [299, 310, 330, 329, 331, 310, 300, 299], '+0first -4 +7'],
    ['starts lowered between the limits', [310, 320, 299], '-0first +2'],
  ])('%s', (_what, lights, commands) => {
    expect(commandsOf({ clear: 'light > 330' }, every(1, lights))).toBe(commands);
  });

  it('prevails where both conditions hold, so that a constant reading does not alternate', () => {
    expect(commandsOf({ clear: 'light > 200' }, every(1, [250, 250, 250]))).toBe('-0first');
  });

  it('is explained', () => {
    expect(explain(traceOf({ clear: 'light > 330' }, raised, { reading: { light: 310 } })).slice(1)).toEqual([
      'light was 310, below 330: "light > 330" did not hold',
      'no command was sent: the rule had been raised for 60 s',
    ]);
  });
});
