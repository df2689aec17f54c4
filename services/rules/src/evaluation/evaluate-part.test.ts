// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { GroupState } from '@lamplighter/evaluation/quorum/quorum-group';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import {
  exactVersion,
  FIRST_VERSION,
  NEW_DEVICE,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/rules/state-version';
import { KnownDevice } from '../cache/known-device.js';
import { RuleSet } from '../rule-book/rule-set.js';
import { evaluatePart, type PendingReading } from './evaluate-part.js';

const NIGHT_LIGHT: RuleInput = {
  id: 'night-light',
  when: 'light < 300',
  then: { led_on: true },
  else: { led_on: false },
};
const NOW = 1_800_000_000_000;
let parts = 0;

function setOf(...rules: RuleInput[]): RuleSet {
  return setSince(1, ...rules);
}
function setSince(since: number, ...rules: RuleInput[]): RuleSet {
  return new RuleSet(rules.map((input) => compileRule(ruleSchema.parse(input), since, since)));
}
const nothing = {
  mark: { seq: undefined, at: undefined },
  rules: '',
  kinds: '',
  session: { id: 1, keeps: false },
};
function lamp(rules: RuleInput[] = [NIGHT_LIGHT], lesson = false): KnownDevice {
  const device = new KnownDevice(new DeviceAddress('demo', lesson ? 'demo' : 'lamp-1', lesson));
  device.useRules(setOf(...rules));
  device.adoptStored({ version: NEW_DEVICE, ...nothing });
  if (device.needsHistory) device.setHistory({ readings: [], count: 0, late: 0 }, 240);
  return device;
}
function reading(light: number, seq?: number, more: Partial<PendingReading> = {}): PendingReading {
  return {
    n: undefined,
    seq,
    at: undefined,
    json: `{"light":${light}}`,
    reading: { light },
    isRetained: false,
    isReplayed: false,
    isLive: undefined,
    ageMs: 0,
    takenAt: 0,
    traceparent: undefined,
    ...more,
  };
}
function evaluateOn(
  device: KnownDevice,
  readings: PendingReading[],
  now = NOW,
  groupState?: GroupState,
  listeningSince = 0,
) {
  const errors: string[] = [];
  const verdicts = {
    matched: 0,
    unmatched: 0,
    undecided: 0,
    error: 0,
    budget_exceeded: 0,
    onError: (rule: { id: string }, _device: KnownDevice, message: string) =>
      errors.push(`${rule.id}: ${message}`),
  };
  const part = evaluatePart(device, readings, 'me', ++parts, now, verdicts, listeningSince, {
    of: () => groupState,
  });
  return { ...part, errors, actions: part.commands.map(({ action }) => action) };
}
const lights = (readings: readonly { json: string }[]) =>
  readings.map(({ json }) => JSON.parse(json).light as number);

describe('evaluatePart', () => {
  it('requests the stored state first if the device is not cached', () => {
    const unknown = new KnownDevice(new DeviceAddress('demo', 'lamp-1', false));
    expect(evaluateOn(unknown, [reading(1, 1), reading(2, 2)])).toMatchObject({
      version: UNKNOWN_VERSION,
      rules: '',
      commands: [],
    });
  });

  it('emits on a change, and updates the cached device before the part is stored', () => {
    const device = lamp();
    const first = evaluateOn(device, [reading(299, 1)]);
    expect(first).toMatchObject({ version: NEW_DEVICE, actions: [{ led_on: true }] });
    const second = evaluateOn(device, [reading(200, 2)]);
    expect(second).toMatchObject({ version: versionAfter('me', first.part), rules: '', actions: [] });
    expect(evaluateOn(device, [reading(300, 3)])).toMatchObject({
      version: second.version,
      actions: [{ led_on: false }],
    });
  });

  it('propagates the trace context of the reading to its command', () => {
    const device = lamp();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traced = evaluateOn(device, [reading(900, 1), reading(200, 2, { traceparent })]).commands;
    expect(traced).toMatchObject([{ traceparent }]);
    expect(JSON.parse(traced[0]!.json)).toMatchObject({ source: 'rule', traceparent });
    const [plain] = evaluateOn(device, [reading(900, 3)]).commands;
    expect(JSON.parse(plain!.json)).not.toHaveProperty('traceparent');
  });

  it('expects the first version for a new device without rule states', () => {
    const device = lamp([]);
    evaluateOn(device, [reading(5, 1)]);
    expect(device.version).toBe(FIRST_VERSION);
  });

  it('treats readings that are not newer than the last state as late, without evaluating them', () => {
    const device = lamp();
    evaluateOn(device, [reading(500, 10)]);
    const part = evaluateOn(device, [reading(1, 9), reading(600, 11), reading(2, 11), reading(700, 12)]);
    expect(lights(part.live)).toEqual([600, 700]);
    expect(lights(part.late)).toEqual([1, 2]);
    expect(part.actions).toEqual([]);
  });

  it('evaluates only the newest reading of a replay', () => {
    const device = lamp();
    evaluateOn(device, [reading(500, 1)]);
    const replay = [
      reading(10, 2, { isReplayed: true }),
      reading(20, 3, { isReplayed: true }),
      reading(400, 4),
    ];
    expect(evaluateOn(device, replay).actions).toEqual([]);
  });

  it('emits only the last command of a rule within one batch', () => {
    const device = lamp();
    evaluateOn(device, [reading(500, 1)]);
    expect(evaluateOn(device, [reading(1, 2), reading(500, 3), reading(2, 4)]).actions).toEqual([
      { led_on: true },
    ]);
  });

  it('emits no command when a verdict changes and changes back within one batch', () => {
    const device = lamp();
    evaluateOn(device, [reading(1, 1)]);
    const before = device.states['night-light'];
    for (const seq of [2, 4, 6])
      expect(evaluateOn(device, [reading(500, seq), reading(2, seq + 1)], NOW + seq).actions).toEqual([]);
    const { at, emittedAt, raised } = device.states['night-light']!;
    expect({ at, emittedAt, raised }).toEqual({ at: NOW, emittedAt: NOW, raised: true });
    expect(before).toMatchObject({ at, emittedAt, raised });
    expect(evaluateOn(device, [reading(500, 8)], NOW + 8).actions).toEqual([{ led_on: false }]);
  });

  it('starts no cooldown with a raise that was not commanded', () => {
    const device = lamp([{ ...NIGHT_LIGHT, cooldown: '1m' }]);
    evaluateOn(device, [reading(500, 1)]);
    expect(evaluateOn(device, [reading(1, 2), reading(500, 3)], NOW + 1000).actions).toEqual([]);
    expect(evaluateOn(device, [reading(1, 4)], NOW + 2000).actions).toEqual([{ led_on: true }]);
  });

  it('sets a timer for a verdict that waited for a discarded cooldown', () => {
    const device = lamp([{ ...NIGHT_LIGHT, cooldown: '1m' }]);
    evaluateOn(device, [reading(500, 1)]);
    const part = evaluateOn(device, [reading(1, 2), reading(500, 3), reading(1, 4)], NOW + 1000);
    expect([part.actions, part.timer]).toEqual([[], { at: NOW + 1001, exact: false }]);
    device.setHistory(
      { readings: [{ receivedAt: NOW + 1000, late: false, measurements: { light: 1 } }], count: 4, late: 0 },
      240,
    );
    expect(evaluateOn(device, [], NOW + 1001).actions).toEqual([{ led_on: true }]);
  });

  const ON_AND_OFF = [reading(500, 8), reading(2, 9)];
  const OVERRIDING: RuleInput = {
    ...NIGHT_LIGHT,
    id: 'alarm',
    when: 'heat > 50',
    then: { led_on: 'red' },
  };
  const UNREPORTED = reading(1, 7, { reading: { light: 1, led_on: false } });
  it.each<{ what: string; rules: RuleInput[]; readings?: PendingReading[]; startedAt?: number }>([
    {
      what: 'that starts a run',
      rules: [{ ...NIGHT_LIGHT, run: { seconds: '60', max: '2m' }, clear: 'light > 400' }],
    },
    { what: 'of a rule without else', rules: [{ ...NIGHT_LIGHT, else: undefined }] },
    { what: 'if another rule commands the same key', rules: [NIGHT_LIGHT, OVERRIDING] },
    {
      what: 'if another rule uses the same lane',
      rules: [
        { ...NIGHT_LIGHT, command: { lane: 'front' } },
        { ...OVERRIDING, then: { horn: 1 }, command: { lane: 'front' } },
      ],
    },
    {
      what: 'if the device reports otherwise',
      rules: [{ ...NIGHT_LIGHT, reassert: '1s' }],
      readings: [UNREPORTED, ...ON_AND_OFF],
    },
    { what: 'if the device has restarted since', rules: [NIGHT_LIGHT], startedAt: NOW + 1000 },
  ])('emits a command for a verdict that changes and changes back $what', (scene) => {
    const device = lamp(scene.rules);
    evaluateOn(device, [reading(1, 1)]);
    const { startedAt } = scene;
    if (startedAt !== undefined) {
      const rules = JSON.stringify(device.states);
      device.adoptStored({
        ...nothing,
        version: 'other.1',
        rules,
        session: { id: 2, keeps: false, startedAt },
      });
    }
    const { actions } = evaluateOn(device, scene.readings ?? ON_AND_OFF, NOW + 5000);
    expect(actions).toEqual([{ led_on: true }]);
  });

  it('emits a command for each reading in mode `every`, even if the verdict changes and changes back', () => {
    const device = lamp([{ ...NIGHT_LIGHT, mode: 'every' }]);
    evaluateOn(device, [reading(1, 1)]);
    expect(evaluateOn(device, [reading(500, 2), reading(1, 3)]).actions).toEqual([
      { led_on: false },
      { led_on: true },
    ]);
  });

  it('emits the last command of a rule after earlier ones of other rules', () => {
    const alarm: RuleInput = {
      ...NIGHT_LIGHT,
      id: 'alarm',
      when: 'heat > 50',
      then: { led_on: 'red' },
      else: { led_on: 'off' },
    };
    const device = lamp([NIGHT_LIGHT, alarm]);
    const burning = { reading: { light: 1, heat: 60 } };
    const part = evaluateOn(device, [reading(1, 1, burning), reading(900, 2)]);
    expect(part.actions).toEqual([{ led_on: 'red' }, { led_on: false }]);
  });

  it('emits a command for each reading of a device with the lesson protocol', () => {
    const device = lamp([NIGHT_LIGHT], true);
    expect(evaluateOn(device, [reading(1), reading(2), reading(500)]).actions).toEqual([
      { led_on: true },
      { led_on: true },
      { led_on: false },
    ]);
  });

  it('adopts the stored state after a conflict and evaluates again', () => {
    const device = lamp();
    evaluateOn(device, [reading(299, 5)]);
    device.adoptStored({
      version: 'other.7',
      mark: { seq: 4, at: undefined },
      rules: '{"night-light":{"since":1,"raised":true,"at":1,"emittedAt":1}}',
      kinds: '',
      session: { id: 1, keeps: false },
    });
    expect(evaluateOn(device, [reading(299, 5)])).toMatchObject({
      version: 'other.7',
      rules: '',
      actions: [],
    });
  });
});

describe('evaluatePart with rules that need the history', () => {
  const rising: RuleInput = { ...NIGHT_LIGHT, id: 'rising', when: 'light > last.light' };

  it('waits for the history, and compares its version on writing', () => {
    const device = lamp([rising]);
    device.adoptStored({ version: 'other.3', ...nothing });
    expect(evaluateOn(device, [reading(5, 9)]).version).toBe(UNKNOWN_VERSION);
    device.setHistory(
      {
        readings: [{ receivedAt: NOW - 1000, late: false, measurements: { light: 4 } }],
        count: 40,
        late: 2,
      },
      240,
    );
    const part = evaluateOn(device, [reading(5, 9)]);
    expect([part.version, part.actions]).toEqual([exactVersion('other.3', 40, 2), [{ led_on: true }]]);
    expect(evaluateOn(device, [reading(3, 10)]).version).toBe(
      exactVersion(versionAfter('me', part.part), 41, 2),
    );
  });

  it('reloads the history when a new rule needs more of it', () => {
    const device = lamp([rising]);
    evaluateOn(device, [reading(5, 1)]);
    const dim: RuleInput = { ...NIGHT_LIGHT, id: 'dim', when: 'window.avg("light", "1h") < 300' };
    device.useRules(setOf(rising, dim));
    expect(device.needsHistory).toBe(true);
    device.setHistory({ readings: [], count: 1, late: 0 }, 240);
    device.useRules(setOf(dim));
    expect(device.needsHistory).toBe(false);
  });

  describe('after another replica has written,', () => {
    const stored = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => ({
        receivedAt: NOW + from + i,
        late: false,
        measurements: { light: from + i },
      }));
    /** A device with loaded readings 1 to 100 and one more, which another replica has updated since. */
    const updatedElsewhere = () => {
      const device = lamp([{ ...NIGHT_LIGHT, id: 'dim', when: 'window.avg("light", "1h") < 300' }]);
      device.adoptStored({ version: 'other.3', ...nothing });
      device.setHistory({ readings: stored(1, 100), count: 500, late: 2 }, 50);
      evaluateOn(device, [reading(999, 1)]);
      device.adoptStored({ version: 'other.4', ...nothing });
      return device;
    };
    const lights = ({ history }: KnownDevice) => [
      history?.size,
      history?.compute({ fn: 'min', measurement: 'light', ms: 3_600_000 }),
    ];

    it('loads only the last readings', () => {
      const device = updatedElsewhere();
      expect([device.needsHistory, device.readingsToLoad(50) < 50]).toEqual([true, true]);
      device.setHistory({ readings: stored(94, 103), count: 503, late: 2 }, 50);
      expect([lights(device), device.history?.newest?.reading]).toEqual([[50, 54], { light: 103 }]);
      expect(device.versionToCompare(true)).toBe(exactVersion('other.4', 503, 2));
    });

    it.each([
      ['too many were added', { readings: stored(104, 113), count: 513, late: 2 }],
      ['a late one was added', { readings: stored(94, 103), count: 503, late: 3 }],
      ['the store has lost readings', { readings: stored(1, 4), count: 4, late: 2 }],
      ['the stored readings differ', { readings: stored(200, 209), count: 503, late: 2 }],
    ])('loads all readings if %s', (_what, tail) => {
      const device = updatedElsewhere();
      device.setHistory(tail, 50);
      expect([device.needsHistory, device.readingsToLoad(50)]).toEqual([true, 50]);
      device.setHistory({ readings: stored(51, 110), count: 600, late: 9 }, 50);
      expect([device.needsHistory, lights(device)]).toEqual([false, [50, 61]]);
    });
  });

  it('includes the replayed readings in the history', () => {
    const device = lamp([rising]);
    evaluateOn(device, [reading(5, 1)]);
    expect(evaluateOn(device, [reading(9, 2, { isReplayed: true }), reading(7, 3)]).actions).toEqual([
      { led_on: false },
    ]);
  });
});

describe('timers', () => {
  const silence: RuleInput = {
    id: 'silence',
    absence: { after: '10s' },
    then: { siren: true },
    else: { siren: false },
  };
  const loadHistory = (device: KnownDevice, receivedAt: number) =>
    device.setHistory(
      {
        readings: [{ receivedAt, late: false, measurements: { light: 4 } }],
        count: 1,
        late: 0,
      },
      240,
    );

  it('are set by the first reading and moved only to an earlier time', () => {
    const device = lamp([silence]);
    expect(evaluateOn(device, [reading(1, 1)]).timer).toEqual({ at: NOW + 10_000, exact: false });
    expect(evaluateOn(device, [reading(1, 2)], NOW + 1000).timer).toBeUndefined();
    expect(evaluateOn(device, [reading(1, 3)], NOW + 10_000).timer).toEqual({
      at: NOW + 20_000,
      exact: false,
    });
  });

  it('evaluate without a reading, after loading the stored state', () => {
    const device = lamp([silence]);
    evaluateOn(device, [reading(1, 1)]);
    expect(evaluateOn(device, [], NOW + 10_000)).toMatchObject({ version: UNKNOWN_VERSION, live: [] });
    loadHistory(device, NOW);
    const part = evaluateOn(device, [], NOW + 10_000);
    expect(part).toMatchObject({ live: [], late: [], actions: [{ siren: true }], timer: { exact: true } });
    expect(device.history).toBeUndefined();
    expect(evaluateOn(device, [reading(1, 2)], NOW + 11_000).actions).toEqual([{ siren: false }]);
  });

  it('do not lower an absence because no replica was listening', () => {
    const device = lamp([silence]);
    evaluateOn(device, [reading(1, 1)]);
    loadHistory(device, NOW);
    expect(evaluateOn(device, [], NOW + 10_000).actions).toEqual([{ siren: true }]);
    loadHistory(device, NOW);
    expect(evaluateOn(device, [], NOW + 60_000, undefined, NOW + 59_000).actions).toEqual([]);
    expect(evaluateOn(device, [reading(1, 2)], NOW + 61_000).actions).toEqual([{ siren: false }]);
  });

  it('are kept while another replica has evaluated a rule that this one has not read', () => {
    const device = lamp([silence]);
    const held = { since: 9, raised: false, at: NOW - 60_000, held: NOW };
    device.adoptStored({ version: 'other.1', ...nothing, rules: JSON.stringify({ new: held }) });
    loadHistory(device, NOW);
    expect(evaluateOn(device, [], NOW + 500).timer).toEqual({ at: NOW + 1500, exact: true });
    loadHistory(device, NOW);
    expect(evaluateOn(device, [], NOW + 6000).timer).toEqual({ at: NOW + 10_500, exact: true });
  });

  it('are set again if they are too early', () => {
    const device = lamp([silence]);
    evaluateOn(device, [reading(1, 1)]);
    loadHistory(device, NOW + 5000);
    expect(evaluateOn(device, [], NOW + 10_000)).toMatchObject({
      actions: [],
      timer: { at: NOW + 15_000, exact: true },
    });
  });
});

describe('a failing rule', () => {
  it('is reported and does not affect the others', () => {
    const device = lamp([{ ...NIGHT_LIGHT, id: 'broken', when: '1 / int(light) > 0' }, NIGHT_LIGHT]);
    const part = evaluateOn(device, [reading(0, 1)]);
    expect(part.actions).toEqual([{ led_on: true }]);
    expect(part.errors).toEqual([expect.stringMatching(/^broken: /)]);
  });
});

describe('resetState', () => {
  it('makes the rule command again on the next reading', () => {
    const device = lamp();
    const [command] = evaluateOn(device, [reading(1, 1)]).commands;
    expect(evaluateOn(device, [reading(2, 2)]).actions).toEqual([]);
    device.resetState(command!.rule!);
    expect(evaluateOn(device, [reading(3, 3)]).actions).toEqual([{ led_on: true }]);
  });
});

describe('changed rules', () => {
  it('take effect on the next reading and keep the states of unchanged rules only', () => {
    const device = lamp([NIGHT_LIGHT, { ...NIGHT_LIGHT, id: 'other', when: 'light < 1000' }]);
    evaluateOn(device, [reading(500, 1)]);
    device.useRules(setOf(NIGHT_LIGHT));
    expect(Object.keys(device.states)).toEqual(['night-light']);
    expect(evaluateOn(device, [reading(501, 2)]).actions).toEqual([]);
  });

  it('leave the state of a newer version alone and set a timer', () => {
    const device = lamp();
    device.useRules(setSince(7, NIGHT_LIGHT));
    expect(evaluateOn(device, [reading(1, 1)]).actions).toEqual([{ led_on: true }]);
    const { states } = device;
    device.useRules(setOf({ ...NIGHT_LIGHT, when: 'light < 0' }));
    const part = evaluateOn(device, [reading(1, 2)]);
    expect(part).toMatchObject({ actions: [], rules: '', timer: { at: NOW + 1000, exact: false } });
    expect(device.states).toBe(states);
    device.useRules(setSince(7, NIGHT_LIGHT));
    expect(evaluateOn(device, [reading(1, 3)]).actions).toEqual([]);
  });

  it('remove states of unknown rules once every replica must have read them', () => {
    const device = lamp();
    const old = { since: 1, raised: false, at: NOW - 3_600_000 };
    device.adoptStored({
      version: 'other.1',
      ...nothing,
      rules: JSON.stringify({
        gone: old,
        new: { ...old, at: NOW - 1000 },
        watering: { ...old, runUntil: NOW + 9 },
      }),
    });
    const part = evaluateOn(device, [reading(1, 1)]);
    expect(Object.keys(JSON.parse(part.rules))).toEqual(['new', 'watering', 'night-light']);
  });
});

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

  it('is commanded again, with evidence, until it has reported the commanded value for the spacing', () => {
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

  it('is not commanded while the group state is unknown, nor by a timer', () => {
    const device = lamp([FLOODLIGHT]);
    expect(evaluateOn(device, reports(false), after(60)).actions).toEqual([]);
    device.setHistory({ readings: [], count: 0, late: 0 }, 240);
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
