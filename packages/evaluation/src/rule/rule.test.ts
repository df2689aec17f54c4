// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's key; no promise is made of it
import { rulesFileSchema } from './rule.js';

const NIGHT_LIGHT = { id: 'night-light', when: 'light < 300', then: { led_on: true } };
const parse = (...rules: unknown[]) => rulesFileSchema.parse({ rules });

/** What is wrong with a rules file: the places, as JSON paths. */
function places(file: unknown): string[] {
  return (rulesFileSchema.safeParse(file).error?.issues ?? []).map(({ path }) => path.join('.'));
}

/** What a rule is that leaves out all it may. */
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

describe('a rules file', () => {
  it('may be empty', () => {
    expect(rulesFileSchema.parse({ rules: [] })).toEqual({ rules: [] });
  });

  it('may leave out what has a default', () => {
    expect(parse(NIGHT_LIGHT).rules).toEqual([{ ...NIGHT_LIGHT, ...DEFAULTS }]);
  });

  it('may say everything', () => {
    const judging = {
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
    const { deadband: _ofOneDevice, ...voting } = judging;
    const group = {
      ...voting,
      id: 'stadium',
      quorum: { policy: 'atLeast', count: 3, expected: 5, needs: 4, lost: 'safe', safe: { led_on: true } },
      target: { devices: ['lamp-*'] },
    };
    expect(parse(judging, group).rules).toEqual([judging, group]);
  });

  it('may have a rule that waits for silence', () => {
    const { when: _when, ...rest } = NIGHT_LIGHT;
    const silent = { ...rest, absence: { after: '5m' } };
    expect(parse(silent).rules).toEqual([{ ...silent, ...DEFAULTS }]);
  });
});

describe('an error in a rules file points at the place:', () => {
  it.each<[place: string, what: string, rule: object]>([
    ['rules.1.id', 'an id that is no name', { id: 'night light' }],
    ['rules.1.id', 'an id that is used twice', { id: 'night-light' }],
    ['rules.1.when', 'an empty condition', { when: '' }],
    ['rules.1.when', 'a condition of 2001 characters', { when: '1'.repeat(2001) }],
    ['rules.1.then', 'no action', { then: undefined }],
    ['rules.1.then', 'an action without keys', { then: {} }],
    ['rules.1.then._cmd', 'an action with a key of the protocol', { then: { _cmd: 1 } }],
    ['rules.1.else', 'an action that is too large', { else: { a: 'x'.repeat(5000) } }],
    ['rules.1.mode', 'a mode that nobody knows', { mode: 'sometimes' }],
    ['rules.1.fleets', 'a list of no fleets', { fleets: [] }],
    ['rules.1.scope', 'fleets in the scope', { scope: { fleets: ['demo'] } }],
    ['rules.1.scope.devices.0', 'a device that is no name', { scope: { devices: ['lamp/1'] } }],
    ['rules.1.scope', 'a scope with a key that nobody knows', { scope: { device: '*' } }],
    ['rules.1.command.ttl', 'a time to live that is no duration', { command: { ttl: 'soon' } }],
    ['rules.1.command.policy', 'a policy that nobody knows', { command: { policy: 'first' } }],
    ['rules.1.command.lane', 'a lane with a slash', { command: { lane: 'a/b' } }],
    ['rules.1', 'a key that nobody knows', { unless: 'light > 330' }],
    ['rules.1.hold', 'a hold that is no duration', { hold: 10 }],
    ['rules.1.hold', 'a hold of more than a week', { hold: '8d' }],
    ['rules.1.absence.after', 'an absence of no time', { when: undefined, absence: { after: '0s' } }],
    [
      'rules.1.quiet.timeZone',
      'a time zone that nobody knows',
      { quiet: { from: '22:00', to: '06:00', timeZone: 'Mars' } },
    ],
    ['rules.1.quiet.from', 'an hour that no clock shows', { quiet: { from: '24:00', to: '06:00' } }],
    ['rules.1.deadband.by', 'a deadband of nothing', { deadband: { of: 'light', by: 0 } }],
    ['rules.1.reassert', 'a reassertion at no time', { reassert: 'soon' }],
    [
      'rules.1.effect.within',
      'an effect after more than an hour',
      { effect: { expect: 'light > 1', within: '2h' } },
    ],
    ['rules.1.quorum.policy', 'a policy of quorum that nobody knows', { quorum: { policy: 'most' } }],
    ['rules.1.when', 'neither condition nor absence', { when: undefined }],
    ['rules.1.clear', 'what clears being what raises', { clear: 'light < 300' }],
    [
      'rules.1.quorum',
      'a quorum beside absence',
      { when: undefined, absence: { after: '5m' }, quorum: { policy: 'any' } },
    ],
    ['rules.1.else', 'a run that nothing ends', { run: { seconds: '5', max: '5s' } }],
    [
      'rules.1.mode',
      'a run with each reading',
      { else: { a: 1 }, mode: 'every', run: { seconds: '5', max: '5s' } },
    ],
    ['rules.1.mode', 'a quorum with each reading', { mode: 'every', quorum: { policy: 'any' } }],
    ['rules.1.target', 'a target without a quorum', { target: { devices: '*' } }],
    ['rules.1.quorum.count', 'a quorum of k without k', { quorum: { policy: 'atLeast' } }],
    ['rules.1.quorum.count', 'k of a majority', { quorum: { policy: 'majority', count: 3 } }],
    ['rules.1.quorum.count', 'more than there are', { quorum: { policy: 'atLeast', count: 4, expected: 3 } }],
    ['rules.1.quorum.of', 'a median of nothing', { quorum: { policy: 'median' } }],
    ['rules.1.quorum.of', 'a majority of a number', { quorum: { policy: 'majority', of: 'light' } }],
    ['rules.1.quorum.trim', 'a trimmed median', { quorum: { policy: 'median', of: 'light', trim: 0.1 } }],
    [
      'rules.1.quorum.trim',
      'a mean of nothing',
      { quorum: { policy: 'trimmedMean', of: 'light', trim: 0.5 } },
    ],
    ['rules.1.quorum.safe', 'no safe action', { quorum: { policy: 'any', lost: 'safe' } }],
    [
      'rules.1.quorum.safe',
      'a safe action that is never taken',
      { quorum: { policy: 'any', safe: { a: 1 } } },
    ],
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
