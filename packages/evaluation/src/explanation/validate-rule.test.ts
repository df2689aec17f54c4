// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's key; no promise is made of it
import type { TelemetrySchema } from '@lamplighter/contracts/telemetry/telemetry-schema';
import fc from 'fast-check';
import { compileRule } from '../rule/compile-rule.js';
import { validateRule } from './validate-rule.js';

const NIGHT_LIGHT = {
  id: 'night-light',
  when: 'light < 300',
  then: { led_on: true },
  else: { led_on: false },
};
const QUORUM = { ...NIGHT_LIGHT, quorum: { policy: 'majority' } };
const MEDIAN = { ...NIGHT_LIGHT, when: 'value < 300', quorum: { policy: 'median', of: 'light' } };
const SCHEMA: TelemetrySchema = { measurements: { light: { type: 'number' }, led_on: { type: 'boolean' } } };

/** All problems of a document as people read them: `/when: unknown name 'lihgt', did you mean 'light'?` */
function problems(document: unknown, options?: Parameters<typeof validateRule>[1]): string[] {
  const validated = validateRule(document, options);
  expect(validated.rule === undefined).toBe(validated.problems.length > 0);
  return validated.problems.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}
const warnings = (document: unknown, options?: Parameters<typeof validateRule>[1]) =>
  validateRule(document, options).warnings.map(({ pointer, detail }) => `${pointer}: ${detail}`);

describe('a valid rule', () => {
  it('has its defaults filled in', () => {
    expect(validateRule(NIGHT_LIGHT)).toMatchObject({
      rule: { ...NIGHT_LIGHT, mode: 'change', hold: '0s', maxAge: '30s', scope: { devices: '*' } },
      problems: [],
      warnings: [],
    });
  });

  it.each<[what: string, rule: object]>([
    ['hysteresis', { clear: 'light > 330', hold: '10s', dwell: '2s' }],
    [
      'what it knows besides the reading',
      { when: 'light < last.light && window.avg("light", "10m") > 1 && device.name == "x"' },
    ],
    ['absence', { when: undefined, absence: { after: '5m' } }],
    ['a run', { run: { seconds: '(300 - light) / 10', max: '30s' } }],
    ['a deadband', { deadband: { of: 'light', by: 5 } }],
    ['an effect', { effect: { expect: 'light > last.light + 50', within: '10s' } }],
    ['quiet hours', { quiet: { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' } }],
    [
      'a quorum',
      {
        quorum: { policy: 'atLeast', count: 3, lost: 'safe', safe: { led_on: true } },
        target: { devices: ['lamp-*'] },
      },
    ],
    ['a median', { when: 'value < 300', clear: 'value > 330', quorum: { policy: 'median', of: 'light' } }],
    [
      'a deadband of a median',
      {
        when: 'value < 300',
        quorum: { policy: 'median', of: 'light' },
        deadband: { of: 'value', by: 5 },
      },
    ],
    [
      'a run by a median',
      {
        when: 'value < 300',
        quorum: { policy: 'median', of: 'light' },
        run: { seconds: '300 - value', max: '30s' },
      },
    ],
  ])('may have %s', (_what, changes) => {
    const { rule, problems: found, warnings: doubts } = validateRule({ ...NIGHT_LIGHT, ...changes });
    expect({ found, doubts }).toEqual({ found: [], doubts: [] });
    expect(compileRule(rule!, 1, 1).id).toBe('night-light');
  });
});

describe('a problem names its place:', () => {
  it.each<[problem: string | RegExp, document: unknown]>([
    ['/when: a rule needs "when" or "absence"', { id: 'x', then: { a: 1 } }],
    [/^\/when: .*the end/, { ...NIGHT_LIGHT, when: 'light <' }],
    ['/when: is empty', { ...NIGHT_LIGHT, when: '' }],
    ['/when: must have at most 2000 characters', { ...NIGHT_LIGHT, when: '1'.repeat(2001) }],
    ['/when: must be a text', { ...NIGHT_LIGHT, when: true }],
    [
      '/when: must be true or false, but is a number; compare it with something, as in light < 300',
      { ...NIGHT_LIGHT, when: '1 + 2' },
    ],
    [
      '/clear: must differ from "when", or the condition that raises the rule also lowers it',
      { ...NIGHT_LIGHT, clear: 'light < 300' },
    ],
    [/^\/clear: unknown function 'siez'/, { ...NIGHT_LIGHT, clear: 'siez(light) > 1' }],
    [
      '/clear: cannot be used together with "absence"',
      { ...NIGHT_LIGHT, when: undefined, clear: 'light > 1', absence: { after: '5m' } },
    ],
    [
      '/absence/after: must be a duration such as "30s", "5m" or "1h", from 1s to 7d',
      { ...NIGHT_LIGHT, when: undefined, absence: { after: '1ms' } },
    ],
    [
      '/absence/after: is missing; it must be a duration such as "30s", "5m" or "1h", from 1s to 7d',
      { ...NIGHT_LIGHT, when: undefined, absence: {} },
    ],
    ['/hold: must be a duration such as "30s", "5m" or "1h", at most 7d', { ...NIGHT_LIGHT, hold: '8d' }],
    ['/hold: must be a duration such as "30s", "5m" or "1h", at most 7d', { ...NIGHT_LIGHT, hold: 10 }],
    ['/then: is missing; it must be an object', { ...NIGHT_LIGHT, then: undefined }],
    ['/then: needs at least one key', { ...NIGHT_LIGHT, then: {} }],
    [/^\/then\/_cmd: an action key must be 1 to 64 letters/, { ...NIGHT_LIGHT, then: { _cmd: 1 } }],
    ['/mode: must be "change" or "every"', { ...NIGHT_LIGHT, mode: 'sometimes' }],
    ["/whne: unknown field 'whne', did you mean 'when'?", { ...NIGHT_LIGHT, whne: 'light < 1' }],
    ["/command/ttll: unknown field 'ttll', did you mean 'ttl'?", { ...NIGHT_LIGHT, command: { ttll: '1h' } }],
    [
      "/quorum/cuont: unknown field 'cuont', did you mean 'count'?",
      { ...NIGHT_LIGHT, quorum: { policy: 'any', cuont: 1 } },
    ],
    [
      '/scope/devices/0: must be a device such as "lamp-1", or a prefix such as "lamp-*"',
      { ...NIGHT_LIGHT, scope: { devices: ['lamp/1'] } },
    ],
    ['/scope/devices: is empty', { ...NIGHT_LIGHT, scope: { devices: [] } }],
    [/^\/scope\/devices: must be/, { ...NIGHT_LIGHT, scope: { devices: 'lamp-1' } }],
    [
      '/reassert: must be "never", or a duration such as "1m", from 1s to 7d',
      { ...NIGHT_LIGHT, reassert: 'sometimes' },
    ],
    ['/deadband/by: must be above 0', { ...NIGHT_LIGHT, deadband: { of: 'light', by: 0 } }],
    [
      '/deadband/of: must be a number, but is true or false',
      { ...NIGHT_LIGHT, deadband: { of: 'light > 3', by: 1 } },
    ],
    ['/run/seconds: must be a number, but is a text', { ...NIGHT_LIGHT, run: { seconds: '"5"', max: '5s' } }],
    [
      '/else: is required with "run": it ends the run',
      { ...NIGHT_LIGHT, else: undefined, run: { seconds: '5', max: '5s' } },
    ],
    [
      "/effect/expect: 'window' is not available here (at character 1)",
      { ...NIGHT_LIGHT, effect: { expect: 'window.avg("light", "1m") > 1', within: '5s' } },
    ],
    [
      /^\/effect\/within: must be a duration.* from 1s to 1h$/,
      { ...NIGHT_LIGHT, effect: { expect: 'light > 1', within: '2h' } },
    ],
    [
      '/quiet/timeZone: must be an IANA time zone such as "Europe/Berlin"',
      { ...NIGHT_LIGHT, quiet: { from: '22:00', to: '06:00', timeZone: 'Mars' } },
    ],
    [
      '/quiet/from: must be a time such as "22:00"',
      { ...NIGHT_LIGHT, quiet: { from: '25:00', to: '06:00' } },
    ],
    [/^\/quiet\/to: must differ from "from"/, { ...NIGHT_LIGHT, quiet: { from: '06:00', to: '06:00' } }],
    [
      '/target: is only for rules with a quorum; other rules command the device that they evaluate',
      { ...NIGHT_LIGHT, target: { devices: '*' } },
    ],
    [
      '/quorum/policy: is missing; it must be "any" or "all" or "majority" or "atLeast" or "median" or "trimmedMean"',
      { ...NIGHT_LIGHT, quorum: {} },
    ],
    [
      '/quorum/count: is required with policy "atLeast": how many sensors must agree',
      { ...NIGHT_LIGHT, quorum: { policy: 'atLeast' } },
    ],
    [
      '/quorum/count: must be at most 2, the number of sensors',
      { ...NIGHT_LIGHT, scope: { devices: ['a', 'b'] }, quorum: { policy: 'atLeast', count: 3 } },
    ],
    [
      '/quorum/needs: must be at most 3, the number of sensors',
      { ...QUORUM, quorum: { policy: 'any', expected: 3, needs: 4 } },
    ],
    [
      '/quorum/expected: must be 2, the number of sensors that the scope names, or left out',
      { ...QUORUM, scope: { devices: ['a', 'b'] }, quorum: { policy: 'any', expected: 3 } },
    ],
    ...['any', 'all', 'majority', 'atLeast'].map((policy): [RegExp, object] => [
      /^\/deadband: cannot be used where votes are counted/,
      {
        ...QUORUM,
        quorum: { policy, ...(policy === 'atLeast' && { count: 2 }) },
        deadband: { of: 'light', by: 5 },
      },
    ]),
    [
      '/quorum/of: is required with policy "median": the number that each sensor contributes',
      { ...MEDIAN, quorum: { policy: 'median' } },
    ],
    [/^\/quorum\/of: is only for policies "median"/, { ...QUORUM, quorum: { policy: 'any', of: 'light' } }],
    [
      '/quorum/of: must be a number, but is true or false',
      { ...MEDIAN, quorum: { policy: 'median', of: 'light > 1' } },
    ],
    [
      "/quorum/of: 'window' is not available here (at character 1)",
      { ...MEDIAN, quorum: { policy: 'median', of: 'window.avg("light", "1m")' } },
    ],
    [
      '/quorum/trim: is only for policy "trimmedMean"',
      { ...MEDIAN, quorum: { policy: 'median', of: 'light', trim: 0.1 } },
    ],
    ['/quorum/safe: is required with "lost": "safe"', { ...QUORUM, quorum: { policy: 'any', lost: 'safe' } }],
    ["/when: 'last' is not available here (at character 9)", { ...QUORUM, when: 'light < last.light' }],
    [
      /^\/when: 'light' is not available here: a measuring quorum evaluates "of" on each sensor/,
      { ...MEDIAN, when: 'light < 300 && value < 5' },
    ],
    [/^\/run\/seconds: 'light' is not available here/, { ...QUORUM, run: { seconds: 'light', max: '5s' } }],
    [': must be an object', 'night-light'],
    [': must be an object', null],
    [': must be an object', [NIGHT_LIGHT]],
  ])('%s', (problem, document) => {
    expect(problems(document)).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it('and all are found at once, also where the form is wrong', () => {
    const document = {
      id: 'night light',
      when: 'lihgt < 300',
      clear: 'light >',
      hold: 'soon',
      then: { led_on: true },
      target: { devices: '*' },
      quorum: { policy: 'most', lost: 'safe' },
      extra: 1,
    };
    expect(
      validateRule(document, { schema: SCHEMA })
        .problems.map(({ pointer }) => pointer)
        .toSorted(),
    ).toEqual(['/clear', '/extra', '/hold', '/id', '/quorum/policy', '/quorum/safe', '/when']);
  });
});

describe('names', () => {
  const misspelt = { ...NIGHT_LIGHT, when: 'lihgt < 300' };

  it('that the fleet has not declared are problems', () => {
    expect(problems(misspelt, { schema: SCHEMA })).toEqual([
      "/when: unknown name 'lihgt', did you mean 'light'?",
    ]);
    expect(problems(NIGHT_LIGHT, { schema: SCHEMA })).toEqual([]);
  });

  it('that no reading has had are warnings, if nothing is declared and something has been heard', () => {
    const seenNames = ['light', 'led_on'];
    expect(warnings(misspelt, { seenNames })).toEqual([
      "/when: no reading has had 'lihgt' yet, did you mean 'light'?",
    ]);
    expect(problems(misspelt, { seenNames })).toEqual([]);
    expect(warnings(misspelt, { seenNames: [] })).toEqual([]);
    expect(warnings(misspelt)).toEqual([]);
  });
});

describe('a warning names a probable mistake:', () => {
  it.each([
    [/^\/else: starts with another key/, { ...NIGHT_LIGHT, else: { light_on: false } }],
    [/^\/when: does not use "value"/, { ...MEDIAN, when: 'true' }],
  ])('%s', (warning, document) => {
    expect(warnings(document)).toEqual([expect.stringMatching(warning)]);
  });
});

describe('whatever the document', () => {
  const keys = [
    'id',
    'when',
    'clear',
    'absence',
    'quorum',
    'target',
    'then',
    'else',
    'run',
    'deadband',
    'effect',
    'quiet',
    'hold',
  ];
  const near = fc.dictionary(
    fc.constantFrom(...keys),
    fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        'light < 300',
        'light >',
        '1h',
        'x',
        { after: '5m' },
        { policy: 'median', of: 'light' },
      ),
      fc.record({
        of: fc.jsonValue(),
        policy: fc.constantFrom('any', 'atLeast', 'median'),
        safe: fc.jsonValue(),
      }),
    ),
  );

  it('nothing is thrown, and what is valid compiles', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.jsonValue(),
          near.map((some) => ({ ...NIGHT_LIGHT, ...some })),
        ),
        (document) => {
          const { rule, problems: found } = validateRule(document, { schema: SCHEMA, seenNames: ['a'] });
          if (rule === undefined) expect(found.length).toBeGreaterThan(0);
          else expect(compileRule(rule, 1, 1).id).toBe(rule.id);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('a key that reaches a prototype is refused', () => {
    expect(problems(JSON.parse('{"id":"x","when":"light<1","then":{"a":{"__proto__":1}}}'))).toHaveLength(1);
    expect(
      problems(JSON.parse('{"id":"x","when":"light<1","then":{"a":1},"__proto__":{"when":"x"}}')),
    ).not.toEqual([]);
  });
});
