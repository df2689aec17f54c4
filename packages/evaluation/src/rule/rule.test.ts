// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's key; no promise is made of it
import { rulesFileSchema } from './rule.js';

const NIGHT_LIGHT = { id: 'night-light', when: 'light < 300', then: { led_on: true } };
const parse = (...rules: unknown[]) => rulesFileSchema.parse({ rules });

/** The places of the problems in a rules file, as JSON paths. */
function places(file: unknown): string[] {
  return (rulesFileSchema.safeParse(file).error?.issues ?? []).map(({ path }) => path.join('.'));
}

/** The defaults of a rule. */
const DEFAULTS = {
  enabled: true,
  scope: { devices: '*' },
  maxAge: '30s',
  hold: '0s',
  dwell: '0s',
  cooldown: '0s',
  settle: '0s',
  mode: 'change',
  reassert: '1m',
  command: { policy: 'latest', ttl: '1h', timeout: '1m', attempts: 5 },
  fleets: '*',
};

describe('rulesFileSchema', () => {
  it('accepts an empty list', () => {
    expect(rulesFileSchema.parse({ rules: [] })).toEqual({ rules: [] });
  });

  it('fills in defaults', () => {
    expect(parse(NIGHT_LIGHT).rules).toEqual([{ ...NIGHT_LIGHT, ...DEFAULTS }]);
  });

  it('accepts every field', () => {
    const complete = {
      ...NIGHT_LIGHT,
      description: 'Lamps on in the dark',
      enabled: false,
      fleets: ['demo'],
      scope: { devices: ['lamp-0001', 'lamp-01*'] },
      clear: 'light > 330',
      maxAge: '1m',
      hold: '10s',
      dwell: '2s',
      cooldown: '1m',
      settle: '5s',
      deadband: { of: 'light', by: 5 },
      quiet: { from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' },
      run: { seconds: '(300 - light) / 10', max: '30s' },
      else: { led_on: false },
      mode: 'change',
      reassert: 'never',
      effect: { expect: 'light > last.light + 50', within: '10s' },
      command: { policy: 'ordered', lane: 'led', ttl: '5m', timeout: '1m', attempts: 5, onFailure: 'stop' },
    };
    const { deadband: _deadband, ...voting } = complete;
    const group = {
      ...voting,
      id: 'stadium',
      quorum: { policy: 'atLeast', count: 3, expected: 5, needs: 4, lost: 'safe', safe: { led_on: true } },
      target: { devices: ['lamp-*'] },
    };
    expect(parse(complete, group).rules).toEqual([complete, group]);
  });

  it('accepts an absence rule', () => {
    const { when: _when, ...rest } = NIGHT_LIGHT;
    const silent = { ...rest, absence: { after: '5m' } };
    expect(parse(silent).rules).toEqual([{ ...silent, ...DEFAULTS }]);
  });
});

describe('rulesFileSchema on an invalid file', () => {
  it.each<[place: string, what: string, rule: object]>([
    ['rules.1.id', 'an invalid id', { id: 'night light' }],
    ['rules.1.id', 'an id that is used twice', { id: 'night-light' }],
    ['rules.1.when', 'an empty condition', { when: '' }],
    ['rules.1.when', 'a condition of 2001 characters', { when: '1'.repeat(2001) }],
    ['rules.1.then', 'no action', { then: undefined }],
    ['rules.1.then', 'an action without keys', { then: {} }],
    ['rules.1.then._cmd', 'an action with a reserved key', { then: { _cmd: 1 } }],
    ['rules.1.else', 'an action that is too large', { else: { a: 'x'.repeat(5000) } }],
    ['rules.1.mode', 'an unknown mode', { mode: 'sometimes' }],
    ['rules.1.fleets', 'an empty list of fleets', { fleets: [] }],
    ['rules.1.scope', 'fleets in the scope', { scope: { fleets: ['demo'] } }],
    ['rules.1.scope.devices.0', 'an invalid device name', { scope: { devices: ['lamp/1'] } }],
    ['rules.1.scope', 'an unknown key of the scope', { scope: { device: '*' } }],
    ['rules.1.command.ttl', 'an invalid ttl', { command: { ttl: 'soon' } }],
    ['rules.1.command.policy', 'an unknown policy', { command: { policy: 'first' } }],
    ['rules.1.command.lane', 'a lane with a slash', { command: { lane: 'a/b' } }],
    ['rules.1', 'an unknown key', { unless: 'light > 330' }],
    ['rules.1.hold', 'an invalid hold', { hold: 10 }],
    ['rules.1.hold', 'a hold of more than a week', { hold: '8d' }],
    ['rules.1.absence.after', 'an absence of 0s', { when: undefined, absence: { after: '0s' } }],
    [
      'rules.1.quiet.timeZone',
      'an unknown time zone',
      { quiet: { from: '22:00', to: '06:00', timeZone: 'Mars' } },
    ],
    ['rules.1.quiet.from', 'an hour above 23', { quiet: { from: '24:00', to: '06:00' } }],
    ['rules.1.deadband.by', 'a deadband of 0', { deadband: { of: 'light', by: 0 } }],
    ['rules.1.reassert', 'an invalid reassert', { reassert: 'soon' }],
    [
      'rules.1.effect.within',
      'an effect within more than an hour',
      { effect: { expect: 'light > 1', within: '2h' } },
    ],
    ['rules.1.quorum.policy', 'an unknown quorum policy', { quorum: { policy: 'most' } }],
    ['rules.1.when', 'neither condition nor absence', { when: undefined }],
    ['rules.1.clear', 'equal conditions', { clear: 'light < 300' }],
    [
      'rules.1.quorum',
      'a quorum with absence',
      { when: undefined, absence: { after: '5m' }, quorum: { policy: 'any' } },
    ],
    ['rules.1.else', 'a run without else', { run: { seconds: '5', max: '5s' } }],
    [
      'rules.1.mode',
      'a run with mode every',
      { else: { a: 1 }, mode: 'every', run: { seconds: '5', max: '5s' } },
    ],
    ['rules.1.mode', 'a quorum with mode every', { mode: 'every', quorum: { policy: 'any' } }],
    ['rules.1.target', 'a target without a quorum', { target: { devices: '*' } }],
    ['rules.1.quorum.count', 'atLeast without count', { quorum: { policy: 'atLeast' } }],
    ['rules.1.quorum.count', 'a majority with count', { quorum: { policy: 'majority', count: 3 } }],
    [
      'rules.1.quorum.count',
      'a count above the number of sensors',
      { quorum: { policy: 'atLeast', count: 4, expected: 3 } },
    ],
    ['rules.1.quorum.of', 'a median without of', { quorum: { policy: 'median' } }],
    ['rules.1.quorum.of', 'a majority with of', { quorum: { policy: 'majority', of: 'light' } }],
    ['rules.1.quorum.trim', 'a trimmed median', { quorum: { policy: 'median', of: 'light', trim: 0.1 } }],
    ['rules.1.quorum.trim', 'a trim of half', { quorum: { policy: 'trimmedMean', of: 'light', trim: 0.5 } }],
    ['rules.1.quorum.safe', 'lost: safe without a safe action', { quorum: { policy: 'any', lost: 'safe' } }],
    [
      'rules.1.quorum.safe',
      'a safe action without lost: safe',
      { quorum: { policy: 'any', safe: { a: 1 } } },
    ],
  ])('reports %s for %s', (place, _what, changes) => {
    expect(places({ rules: [NIGHT_LIGHT, { ...NIGHT_LIGHT, id: 'other', ...changes }] })).toEqual([place]);
  });

  it('reports all errors', () => {
    const bad = { ...NIGHT_LIGHT, id: '', mode: 'x', when: '' };
    expect(places({ rules: [bad] })).toEqual(['rules.0.id', 'rules.0.when', 'rules.0.mode']);
  });

  it.each<[what: string, place: string, file: unknown]>([
    ['a list instead of an object', '', [NIGHT_LIGHT]],
    ['null', '', null],
    ['no rules', 'rules', {}],
    ['rules that are not a list', 'rules', { rules: NIGHT_LIGHT }],
    ['a rule that is not an object', 'rules.0', { rules: ['night-light'] }],
    [
      '1001 rules',
      'rules',
      { rules: Array.from({ length: 1001 }, (_, i) => ({ ...NIGHT_LIGHT, id: `r${i}` })) },
    ],
  ])('rejects %s', (_what, place, file) => {
    expect(places(file)).toEqual([place]);
  });
});
