// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { evaluatePart } from '../evaluation/evaluate-part.js';
import { KnownDevice } from '../evaluation/known-device.js';
import { RuleSet } from '../rule-book/rule-set.js';

const NOW = 1_800_000_000_000;
const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
};
let seq = 0;

/** A lamp that the server has switched off an hour ago. */
function lamp(): KnownDevice {
  const device = new KnownDevice(new DeviceAddress('demo', 'lamp-1', false));
  device.useRules(new RuleSet([compileRule(ruleSchema.parse(NIGHT_LIGHT), 1, 1)]));
  device.adoptStored({
    version: NEW_DEVICE,
    mark: { seq: undefined, at: undefined },
    rules: '',
    kinds: '',
    session: { id: 1, keeps: false },
  });
  judgeReading(device, { light: 500, led_on: false }, NOW - 3_600_000);
  return device;
}

function judgeReading(device: KnownDevice, measurements: object, now = NOW, isReplayed = false) {
  seq += 1;
  const reading = {
    n: undefined,
    seq,
    at: undefined,
    json: '',
    reading: { ...measurements },
    isRetained: false,
    isReplayed,
    isLive: undefined,
    ageMs: 0,
    traceparent: undefined,
    takenAt: 0,
  };
  const verdicts = {
    matched: 0,
    unmatched: 0,
    undecided: 0,
    error: 0,
    budget_exceeded: 0,
    onError: () => {},
  };
  return evaluatePart(device, [reading], 'me', seq, now, verdicts).commands.map(({ action }) => action);
}

const decided = (more: object = {}) => ({
  rule: 'night-light',
  state: { since: 1, raised: true, at: NOW - 60_000, emittedAt: NOW - 60_000, ...more },
});

describe('a lamp that has decided for itself', () => {
  it('is taken over as it is: nothing is commanded, until the rule says otherwise', () => {
    const device = lamp();
    expect(judgeReading(device, { light: 315, led_on: true, _edge: decided() })).toEqual([]);
    expect(judgeReading(device, { light: 100, led_on: true, _edge: decided() })).toEqual([]);
    expect(judgeReading(device, { light: 400, led_on: true, _edge: decided() })).toEqual([{ led_on: false }]);
    // The same report once more does not bring back what is over.
    expect(judgeReading(device, { light: 315, led_on: false, _edge: decided() })).toEqual([]);
  });

  it.each([
    ['by another version that judges otherwise', decided({ since: 2 })],
    ['by another rule', { ...decided(), rule: 'other' }],
    ['before the server did', decided({ at: NOW - 4_000_000 })],
    ['and says so in a way that nobody understands', { rule: 'night-light', state: 'raised' }],
  ])('%s, is commanded as if it had not', (_how, report) => {
    // The lamp reports another state than it was commanded, so it is told again.
    expect(judgeReading(lamp(), { light: 315, led_on: true, _edge: report })).toEqual([{ led_on: false }]);
  });

  it('is not taken over by history', () => {
    const device = lamp();
    judgeReading(device, { light: 315, led_on: true, _edge: decided() }, NOW, true);
    expect(device.states['night-light']).toMatchObject({ raised: false });
  });
});
