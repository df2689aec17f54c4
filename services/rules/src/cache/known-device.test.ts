// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { exactVersion, NEW_DEVICE, UNKNOWN_VERSION } from '@lamplighter/store/rules/state-version';
import { RuleSet } from '../rule-book/rule-set.js';
import { KnownDevice } from './known-device.js';

const NOW = 1_800_000_000_000;
const rule = (id: string, more: Partial<RuleInput> = {}) =>
  compileRule(ruleSchema.parse({ id, when: 'light < 300', then: { led_on: true }, ...more }), 1, 1);
const state = (more: Partial<RuleState> = {}): RuleState => ({ since: 1, raised: false, at: NOW, ...more });

function device(...rules: ReturnType<typeof rule>[]): KnownDevice {
  const known = new KnownDevice(new DeviceAddress('demo', 'lamp', false));
  known.useRules(new RuleSet(rules));
  return known;
}
function stored(version: string, states: Readonly<Record<string, RuleState>> = {}) {
  const rules = Object.keys(states).length === 0 ? '' : JSON.stringify(states);
  return { version, mark: { seq: 5, at: undefined }, rules, kinds: '', session: undefined };
}

describe('sessions', () => {
  it('keep the start of the boot when a later birth lacks it', () => {
    const known = device();
    known.recordBirth({ id: 1, keeps: false, startedAt: NOW });
    known.recordBirth({ id: 1, keeps: true });
    expect([known.startedAt, known.expectsReceipts]).toEqual([NOW, true]);
  });

  it('are never taken from the store after a birth', () => {
    const known = device();
    known.recordBirth({ id: 2, keeps: true });
    known.updateSession({ id: 1, keeps: false });
    expect(known.expectsReceipts).toBe(true);
  });
});

describe('rules', () => {
  it('are divided into rules, quorums and targets', () => {
    const quorum = { policy: 'majority' } as const;
    const known = device(
      rule('a'),
      rule('b', { quorum, scope: { devices: ['lamp'] } }),
      rule('c', { quorum, scope: { devices: ['mast'] }, target: { devices: ['lamp'] } }),
    );
    const ids = [known.rules, known.quorums, known.targets].map((some) => some.map(({ id }) => id));
    expect(ids).toEqual([['a'], ['b'], ['b', 'c']]);
  });

  it('expect a device only if one that detects silence names it', () => {
    const silence = { when: undefined, absence: { after: '10s' } };
    expect(device(rule('a', silence)).isExpected).toBe(false);
    expect(device(rule('a', { ...silence, scope: { devices: ['lamp-*'] } })).isExpected).toBe(false);
    expect(device(rule('a', { ...silence, scope: { devices: ['lamp'] } })).isExpected).toBe(true);
    expect(device(rule('a', { scope: { devices: ['lamp'] } })).isExpected).toBe(false);
  });
});

describe('adoptStored', () => {
  it('replaces version, mark and states, and discards the window', () => {
    const known = device(rule('a'));
    known.setWindow({ readings: [], count: 0, late: 0 }, 20);
    known.adoptStored(stored('other.7', { a: state({ raised: true }) }));
    expect(known).toMatchObject({ version: 'other.7', mark: { seq: 5 }, states: { a: { raised: true } } });
    expect([known.window, known.tail]).toEqual([undefined, undefined]);
    known.adoptStored(stored('other.8'));
    expect(known.states).toEqual({});
  });
});

describe('pruneStates', () => {
  const old = NOW - 60_001;

  it('returns the same object if nothing is to be removed', () => {
    const known = device(rule('a'));
    const states = { a: state({ at: old }), unknown: state() };
    expect(known.pruneStates(states, NOW)).toBe(states);
  });

  it('removes old states of rules that are not in force, except runs', () => {
    const known = device(rule('a'));
    const states = { a: state(), gone: state({ at: old }), run: state({ at: old, runUntil: NOW + 1000 }) };
    expect(Object.keys(known.pruneStates(states, NOW))).toEqual(['a', 'run']);
  });
});

describe('orphanedStatesIn', () => {
  it.each<[what: string, orphan: RuleState, isOrphaned: boolean]>([
    ['a run', state({ runUntil: NOW + 1000 }), true],
    ['a hold', state({ held: NOW }), true],
    ['a raised verdict without a release', state({ raised: true }), false],
  ])('checks %s', (_what, orphan, isOrphaned) => {
    expect(device(rule('a')).orphanedStatesIn({ gone: orphan })).toEqual(isOrphaned ? ['gone'] : []);
  });

  it('ignores states of rules in force', () => {
    expect(device(rule('a')).orphanedStatesIn({ a: state({ held: NOW, runUntil: NOW }) })).toEqual([]);
  });

  it('finds the run of another version of a rule', () => {
    expect(device(rule('a')).orphanedStatesIn({ a: state({ since: 9, runUntil: NOW }) })).toEqual(['a']);
  });
});

describe('wasEvaluatedElsewhere', () => {
  it('is true for a few seconds after a state of a rule that is not in force', () => {
    const known = device(rule('a'));
    known.adoptStored(stored('other.1', { unknown: state() }));
    expect([0, 4999, 5000].map((ms) => known.wasEvaluatedElsewhere(NOW + ms))).toEqual([true, true, false]);
  });
});

describe('versionToCompare', () => {
  it('includes the window only for an evaluation that used it', () => {
    const known = device(rule('a'));
    known.adoptStored(stored('other.1'));
    known.setWindow({ readings: [], count: 40, late: 2 }, 20);
    known.countLive(3);
    expect(known.versionToCompare(false)).toBe('other.1');
    expect(known.versionToCompare(true)).toBe(exactVersion('other.1', 43, 2));
  });

  it('is unknown before anything was read, and new for a device without stored state', () => {
    const known = device();
    expect(known.versionToCompare(false)).toBe(UNKNOWN_VERSION);
    known.adoptStored(stored(NEW_DEVICE));
    expect(known.versionToCompare(true)).toBe(NEW_DEVICE);
  });
});
