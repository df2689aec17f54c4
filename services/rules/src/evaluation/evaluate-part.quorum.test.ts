// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { FIRST_VERSION } from '@lamplighter/store/rules/state-version';
import { evaluateOn, lamp, NIGHT_LIGHT, NOW, reading, setOf } from '../../test/evaluate-lamp.js';

describe('a sensor of a quorum', () => {
  it('votes on every reading, with hysteresis, and emits no command', () => {
    const device = lamp([
      {
        ...NIGHT_LIGHT,
        id: 'stadium',
        clear: 'light > 330',
        quorum: { policy: 'majority' },
        target: { devices: '*' },
      },
    ]);
    const votes = [200, 310, 340].map((light, i) => evaluateOn(device, [reading(light, i + 1)]));
    expect(votes.map(({ votes: cast }) => cast!.map(({ vote }) => vote))).toEqual([
      ['1,1'],
      ['1,1'],
      ['0,1'],
    ]);
    expect(votes.flatMap(({ actions }) => actions)).toEqual([]);
    expect(votes[0]!.voted.map(({ id }) => id)).toEqual(['stadium']);
  });

  it('keeps its vote if the next reading of the batch lacks the measurement', () => {
    const device = lamp([{ ...NIGHT_LIGHT, id: 'stadium', quorum: { policy: 'majority' } }]);
    const part = evaluateOn(device, [
      reading(900, 1),
      reading(200, 2),
      reading(0, 3, { reading: { heat: 20 } }),
    ]);
    expect(part.votes!.map(({ vote }) => vote)).toEqual(['1,1']);
    expect(part.voted).toHaveLength(1);
  });
});

describe('a target of a quorum', () => {
  const FLOODLIGHT: RuleInput = {
    id: 'floodlight',
    scope: { devices: ['mast-*'] },
    when: 'light < 300',
    quorum: { policy: 'majority' },
    target: { devices: ['lamp-*'] },
    then: { led_on: true },
    reassert: '10s',
  };
  const groupState: GroupState = {
    since: 1,
    begun: NOW,
    rule: { since: 1, raised: true, at: NOW, emittedAt: NOW },
    toldAt: NOW,
  };
  const reports = (led_on: boolean) => [reading(1, undefined, { reading: { light: 1, led_on } })];
  const after = (seconds: number) => NOW + seconds * 1000;

  it('gets its command again, with evidence, until it has reported the commanded value for the spacing', () => {
    const device = lamp([FLOODLIGHT]);
    expect(evaluateOn(device, reports(false), after(9), groupState)).toMatchObject({
      actions: [],
      rules: '',
    });
    const reasserted = evaluateOn(device, reports(false), after(10), groupState);
    expect(reasserted).toMatchObject({
      actions: [{ led_on: true }],
      version: FIRST_VERSION,
      votes: [],
      voted: [],
    });
    expect(JSON.parse(reasserted.rules)).toEqual({
      'target:floodlight': { since: 1, raised: true, at: NOW, emittedAt: after(10), repeats: 1 },
    });
    expect(JSON.parse(reasserted.commands[0]!.json)).toMatchObject({
      source: 'rule',
      rule: 'floodlight',
      because: {
        kind: 'reassert',
        standing: groupState,
        reading: { led_on: false },
        device: { address: { fleet: 'demo', device: 'lamp-1' } },
      },
    });
    // Evaluated on the updated cache, before the part is stored.
    expect(evaluateOn(device, reports(false), after(29), groupState)).toMatchObject({
      actions: [],
      rules: '',
    });
    expect(evaluateOn(device, reports(false), after(30), groupState).actions).toEqual([{ led_on: true }]);
    expect(evaluateOn(device, reports(true), after(69), groupState)).toMatchObject({
      actions: [],
      rules: '',
    });
    expect(evaluateOn(device, reports(true), after(70), groupState)).toMatchObject({
      actions: [],
      rules: '{}',
    });
    expect(evaluateOn(device, reports(true), after(71), groupState).rules).toBe('');
  });

  it('gets no command while the group state is unknown, nor by a timer', () => {
    const device = lamp([FLOODLIGHT]);
    expect(evaluateOn(device, reports(false), after(60)).actions).toEqual([]);
    device.setWindow({ readings: [], count: 0, late: 0 }, 240);
    expect(evaluateOn(device, [], after(60), groupState).actions).toEqual([]);
  });

  it('loses its re-assertion state with the rule', () => {
    const device = lamp([FLOODLIGHT, NIGHT_LIGHT]);
    evaluateOn(device, reports(false), after(60), groupState);
    expect(Object.keys(device.states).toSorted()).toEqual(['night-light', 'target:floodlight']);
    device.useRules(setOf(NIGHT_LIGHT));
    expect([Object.keys(device.states), device.targets]).toEqual([['night-light'], []]);
  });
});
