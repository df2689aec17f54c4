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
const MEDIAN = { ...NIGHT_LIGHT, when: 'value < 300', quorum: { policy: 'median', of: 'light' } };
const SCHEMA: TelemetrySchema = { measurements: { light: { type: 'number' }, led_on: { type: 'boolean' } } };

/** The problems in a document: `/when: unknown name 'lihgt', did you mean 'light'?` */
function problems(document: unknown, options?: Parameters<typeof validateRule>[1]): string[] {
  const validated = validateRule(document, options);
  expect(validated.rule === undefined).toBe(validated.problems.length > 0);
  return validated.problems.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}
const warnings = (document: unknown, options?: Parameters<typeof validateRule>[1]) =>
  validateRule(document, options).warnings.map(({ pointer, detail }) => `${pointer}: ${detail}`);

describe('validateRule on a valid rule', () => {
  it('fills in defaults', () => {
    expect(validateRule(NIGHT_LIGHT)).toMatchObject({
      rule: { ...NIGHT_LIGHT, mode: 'change', hold: '0s', maxAge: '30s', scope: { devices: '*' } },
      problems: [],
      warnings: [],
    });
  });

  it.each<[what: string, rule: object]>([
    ['hysteresis', { clear: 'light > 330', hold: '10s', dwell: '2s' }],
    [
      'the previous reading, a window and the device',
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
  ])('accepts %s', (_what, changes) => {
    const { rule, problems: found, warnings: doubts } = validateRule({ ...NIGHT_LIGHT, ...changes });
    expect({ found, doubts }).toEqual({ found: [], doubts: [] });
    expect(compileRule(rule!, 1, 1).id).toBe('night-light');
  });
});

describe('validateRule on an invalid rule', () => {
  it.each<[problem: string, document: unknown]>([
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
    ['/scope/devices: must be "*", or a list', { ...NIGHT_LIGHT, scope: { devices: 'lamp-1' } }],
    [': must be an object', 'night-light'],
    [': must be an object', null],
    [': must be an object', [NIGHT_LIGHT]],
  ])('reports %s', (problem, document) => {
    expect(problems(document)).toEqual([problem]);
  });

  it('finds all problems, whether of the schema or of expressions', () => {
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

describe('validateRule on names in expressions', () => {
  const misspelt = { ...NIGHT_LIGHT, when: 'lihgt < 300' };

  it('reports a name that the fleet has not declared', () => {
    expect(problems(misspelt, { schema: SCHEMA })).toEqual([
      "/when: unknown name 'lihgt', did you mean 'light'?",
    ]);
    expect(problems(NIGHT_LIGHT, { schema: SCHEMA })).toEqual([]);
  });

  it('warns of a name in no reading, if the fleet has readings and no declaration', () => {
    const seenNames = ['light', 'led_on'];
    expect(warnings(misspelt, { seenNames })).toEqual([
      "/when: no reading has had 'lihgt' yet, did you mean 'light'?",
    ]);
    expect(problems(misspelt, { seenNames })).toEqual([]);
    expect(warnings(misspelt, { seenNames: [] })).toEqual([]);
    expect(warnings(misspelt)).toEqual([]);
  });
});

describe('validateRule on probable mistakes', () => {
  it.each([
    [/^\/else: starts with a different key/, { ...NIGHT_LIGHT, else: { light_on: false } }],
    [/^\/when: does not use "value"/, { ...MEDIAN, when: 'true' }],
  ])('warns: %s', (warning, document) => {
    expect(warnings(document)).toEqual([expect.stringMatching(warning)]);
  });
});

describe('validateRule on any value', () => {
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

  it('never throws, and every valid rule compiles', () => {
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

  it('rejects keys that reach a prototype', () => {
    expect(problems(JSON.parse('{"id":"x","when":"light<1","then":{"a":{"__proto__":1}}}'))).toHaveLength(1);
    expect(
      problems(JSON.parse('{"id":"x","when":"light<1","then":{"a":1},"__proto__":{"when":"x"}}')),
    ).not.toEqual([]);
  });
});
