// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { KnownDevice } from '../cache/known-device.js';
import { RuleSet } from '../rule-book/rule-set.js';
import { evaluatePart } from './evaluate-part.js';

const NOW = 1_800_000_000_000;
const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  clear: 'light > 330',
  then: { led_on: true },
  else: { led_on: false },
};
let seq = 0;

/** A lamp that the server switched off an hour ago. */
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
  evaluateReading(device, { light: 500, led_on: false }, NOW - 3_600_000);
  return device;
}

function evaluateReading(device: KnownDevice, measurements: object, now = NOW, isReplayed = false) {
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
    arrivedAt: 0,
  };
  const counts = {
    matched: 0,
    unmatched: 0,
    undecided: 0,
    error: 0,
    budget_exceeded: 0,
    onError: () => {},
  };
  return evaluatePart(device, [reading], 'me', seq, now, counts).commands.map(({ action }) => action);
}

const edgeReport = (more: object = {}) => ({
  rule: 'night-light',
  state: { since: 1, raised: true, at: NOW - 60_000, emittedAt: NOW - 60_000, ...more },
});

describe('evaluatePart with an edge report', () => {
  it('continues from the reported state and emits only on a change', () => {
    const device = lamp();
    expect(evaluateReading(device, { light: 315, led_on: true, _edge: edgeReport() })).toEqual([]);
    expect(evaluateReading(device, { light: 100, led_on: true, _edge: edgeReport() })).toEqual([]);
    expect(evaluateReading(device, { light: 400, led_on: true, _edge: edgeReport() })).toEqual([
      { led_on: false },
    ]);
    // A repeated report does not restore the old state.
    expect(evaluateReading(device, { light: 315, led_on: false, _edge: edgeReport() })).toEqual([]);
  });

  it.each([
    ['of another version', edgeReport({ since: 2 })],
    ['of another rule', { ...edgeReport(), rule: 'other' }],
    ['older than the decision of the server', edgeReport({ at: NOW - 4_000_000 })],
    ['that cannot be parsed', { rule: 'night-light', state: 'raised' }],
  ])('ignores a report %s', (_how, report) => {
    // The lamp reports a different value than commanded, so the command is re-asserted.
    expect(evaluateReading(lamp(), { light: 315, led_on: true, _edge: report })).toEqual([{ led_on: false }]);
  });

  it('ignores a report in a replayed reading', () => {
    const device = lamp();
    evaluateReading(device, { light: 315, led_on: true, _edge: edgeReport() }, NOW, true);
    expect(device.states['night-light']).toMatchObject({ raised: false });
  });
});
