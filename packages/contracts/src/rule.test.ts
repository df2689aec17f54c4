// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's key; no promise is made of it
import { rulesFileSchema } from './rule.js';

const NIGHT_LIGHT = { id: 'night-light', when: 'light < 300', then: { led_on: true } };
const parse = (...rules: unknown[]) => rulesFileSchema.parse({ rules });

/** What is wrong with a rules file: the places, as JSON paths. */
function places(file: unknown): string[] {
  return (rulesFileSchema.safeParse(file).error?.issues ?? []).map(({ path }) => path.join('.'));
}

describe('a rules file', () => {
  it('may be empty', () => {
    expect(rulesFileSchema.parse({ rules: [] })).toEqual({ rules: [] });
  });

  it('may leave out what has a default', () => {
    expect(parse(NIGHT_LIGHT).rules).toEqual([
      {
        ...NIGHT_LIGHT,
        scope: { fleets: '*', devices: '*' },
        mode: 'change',
        command: { policy: 'latest', ttl: '1h', timeout: '1m', attempts: 5 },
      },
    ]);
  });

  it('may say everything', () => {
    const rule = {
      ...NIGHT_LIGHT,
      scope: { fleets: ['demo'], devices: ['lamp-0001', 'lamp-0002'] },
      else: { led_on: false },
      mode: 'every',
      command: { policy: 'ordered', lane: 'led', ttl: '5m', timeout: '1m', attempts: 5, onFailure: 'stop' },
    };
    expect(parse(rule).rules).toEqual([rule]);
  });

  it('may name a part of the scope only', () => {
    expect(parse({ ...NIGHT_LIGHT, scope: { devices: ['lamp-0001'] } }).rules[0]!.scope).toEqual({
      fleets: '*',
      devices: ['lamp-0001'],
    });
  });
});

describe('an error in a rules file points at the place:', () => {
  it.each<[place: string, what: string, rule: object]>([
    ['rules.1.id', 'an id that is no name', { id: 'night light' }],
    ['rules.1.id', 'an id that is used twice', { id: 'night-light' }],
    ['rules.1.when', 'no condition', { when: undefined }],
    ['rules.1.when', 'an empty condition', { when: '' }],
    ['rules.1.when', 'a condition of 2001 characters', { when: '1'.repeat(2001) }],
    ['rules.1.then', 'no action', { then: undefined }],
    ['rules.1.then', 'an action without keys', { then: {} }],
    ['rules.1.then._cmd', 'an action with a key of the protocol', { then: { _cmd: 1 } }],
    ['rules.1.else', 'an action that is too large', { else: { a: 'x'.repeat(5000) } }],
    ['rules.1.mode', 'a mode that nobody knows', { mode: 'sometimes' }],
    ['rules.1.scope.fleets', 'a scope without fleets', { scope: { fleets: [] } }],
    ['rules.1.scope.devices.0', 'a device that is no name', { scope: { devices: ['lamp/1'] } }],
    ['rules.1.scope', 'a scope with a key that nobody knows', { scope: { device: '*' } }],
    ['rules.1.command.ttl', 'a time to live that is no duration', { command: { ttl: 'soon' } }],
    ['rules.1.command.policy', 'a policy that nobody knows', { command: { policy: 'first' } }],
    ['rules.1.command.lane', 'a lane with a slash', { command: { lane: 'a/b' } }],
    ['rules.1', 'a key that nobody knows', { unless: 'light > 330' }],
  ])('%s for %s', (place, _what, changes) => {
    expect(places({ rules: [NIGHT_LIGHT, { ...NIGHT_LIGHT, id: 'other', ...changes }] })).toEqual([place]);
  });

  it('all errors at once', () => {
    const bad = { ...NIGHT_LIGHT, id: '', mode: 'x', when: '' };
    expect(places({ rules: [bad] })).toEqual(['rules.0.id', 'rules.0.when', 'rules.0.mode']);
  });

  it.each<[what: string, place: string, file: unknown]>([
    ['a list instead of an object', '', [NIGHT_LIGHT]],
    ['nothing', '', null],
    ['no rules', 'rules', {}],
    ['rules that are no list', 'rules', { rules: NIGHT_LIGHT }],
    ['a rule that is no object', 'rules.0', { rules: ['night-light'] }],
    [
      '1001 rules',
      'rules',
      { rules: Array.from({ length: 1001 }, (_, i) => ({ ...NIGHT_LIGHT, id: `r${i}` })) },
    ],
  ])('%s', (_what, place, file) => {
    expect(places(file)).toEqual([place]);
  });
});
