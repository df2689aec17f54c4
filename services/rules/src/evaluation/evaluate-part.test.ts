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
import { RuleSet } from '../rule-book/rule-set.js';
import { evaluatePart, type PendingReading } from './evaluate-part.js';
import { KnownDevice } from './known-device.js';

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
function verdictOn(
  device: KnownDevice,
  readings: PendingReading[],
  now = NOW,
  standing?: GroupState,
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
    of: () => standing,
  });
  return { ...part, errors, actions: part.commands.map(({ action }) => action) };
}
const lights = (readings: readonly { json: string }[]) =>
  readings.map(({ json }) => JSON.parse(json).light as number);

describe('judging a device', () => {
  it('asks the store first when nothing is known of the device', () => {
    const unknown = new KnownDevice(new DeviceAddress('demo', 'lamp-1', false));
    expect(verdictOn(unknown, [reading(1, 1), reading(2, 2)])).toMatchObject({
      version: UNKNOWN_VERSION,
      rules: '',
      commands: [],
    });
  });

  it('emits for a change and moves its beliefs on, before the store has answered', () => {
    const device = lamp();
    const first = verdictOn(device, [reading(299, 1)]);
    expect(first).toMatchObject({ version: NEW_DEVICE, actions: [{ led_on: true }] });
    const second = verdictOn(device, [reading(200, 2)]);
    expect(second).toMatchObject({ version: versionAfter('me', first.part), rules: '', actions: [] });
    expect(verdictOn(device, [reading(300, 3)])).toMatchObject({
      version: second.version,
      actions: [{ led_on: false }],
    });
  });

  it('puts a command into the trace of the reading that caused it', () => {
    const device = lamp();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traced = verdictOn(device, [reading(900, 1), reading(200, 2, { traceparent })]).commands;
    expect(traced).toMatchObject([{ traceparent }]);
    expect(JSON.parse(traced[0]!.json)).toMatchObject({ source: 'rule', traceparent });
    const [plain] = verdictOn(device, [reading(900, 3)]).commands;
    expect(JSON.parse(plain!.json)).not.toHaveProperty('traceparent');
  });

  it('expects the first version of a new device on which no rule has a verdict', () => {
    const device = lamp([]);
    verdictOn(device, [reading(5, 1)]);
    expect(device.version).toBe(FIRST_VERSION);
  });

  it('takes what is not newer than the last state as late, and late readings never actuate', () => {
    const device = lamp();
    verdictOn(device, [reading(500, 10)]);
    const part = verdictOn(device, [reading(1, 9), reading(600, 11), reading(2, 11), reading(700, 12)]);
    expect(lights(part.live)).toEqual([600, 700]);
    expect(lights(part.late)).toEqual([1, 2]);
    expect(part.actions).toEqual([]);
  });

  it('lets only the newest reading of a replay actuate', () => {
    const device = lamp();
    verdictOn(device, [reading(500, 1)]);
    const replay = [
      reading(10, 2, { isReplayed: true }),
      reading(20, 3, { isReplayed: true }),
      reading(400, 4),
    ];
    expect(verdictOn(device, replay).actions).toEqual([]);
  });

  it('sends only the last word of a rule when it changes its mind within one batch', () => {
    const device = lamp();
    verdictOn(device, [reading(500, 1)]);
    expect(verdictOn(device, [reading(1, 2), reading(500, 3), reading(2, 4)]).actions).toEqual([
      { led_on: true },
    ]);
  });

  it('commands nothing when a verdict changes and changes back within one batch, however often', () => {
    const device = lamp();
    verdictOn(device, [reading(1, 1)]);
    const before = device.states['night-light'];
    for (const seq of [2, 4, 6])
      expect(verdictOn(device, [reading(500, seq), reading(2, seq + 1)], NOW + seq).actions).toEqual([]);
    const { at, emittedAt, raised } = device.states['night-light']!;
    expect({ at, emittedAt, raised }).toEqual({ at: NOW, emittedAt: NOW, raised: true });
    expect(before).toMatchObject({ at, emittedAt, raised });
    expect(verdictOn(device, [reading(500, 8)], NOW + 8).actions).toEqual([{ led_on: false }]);
  });

  it('counts no cooldown from a raise that was never commanded', () => {
    const device = lamp([{ ...NIGHT_LIGHT, cooldown: '1m' }]);
    verdictOn(device, [reading(500, 1)]);
    expect(verdictOn(device, [reading(1, 2), reading(500, 3)], NOW + 1000).actions).toEqual([]);
    expect(verdictOn(device, [reading(1, 4)], NOW + 2000).actions).toEqual([{ led_on: true }]);
  });

  it('wakes a verdict that waits by a cooldown that no longer counts', () => {
    const device = lamp([{ ...NIGHT_LIGHT, cooldown: '1m' }]);
    verdictOn(device, [reading(500, 1)]);
    const part = verdictOn(device, [reading(1, 2), reading(500, 3), reading(1, 4)], NOW + 1000);
    expect([part.actions, part.timer]).toEqual([[], { at: NOW + 1001, exact: false }]);
    device.setHistory(
      { readings: [{ receivedAt: NOW + 1000, late: false, measurements: { light: 1 } }], count: 4, late: 0 },
      240,
    );
    expect(verdictOn(device, [], NOW + 1001).actions).toEqual([{ led_on: true }]);
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
      what: 'of a run, which begins again',
      rules: [{ ...NIGHT_LIGHT, run: { seconds: '60', max: '2m' }, clear: 'light > 400' }],
    },
    { what: 'that only commands what it raises', rules: [{ ...NIGHT_LIGHT, else: undefined }] },
    { what: 'of which another rule drives the same key', rules: [NIGHT_LIGHT, OVERRIDING] },
    {
      what: 'of which another rule shares the lane',
      rules: [
        { ...NIGHT_LIGHT, command: { lane: 'front' } },
        { ...OVERRIDING, then: { horn: 1 }, command: { lane: 'front' } },
      ],
    },
    {
      what: 'that the device does not report',
      rules: [{ ...NIGHT_LIGHT, reassert: '1s' }],
      readings: [UNREPORTED, ...ON_AND_OFF],
    },
    { what: 'since which the device has restarted', rules: [NIGHT_LIGHT], startedAt: NOW + 1000 },
  ])('commands again a verdict that changes and changes back $what', (scene) => {
    const device = lamp(scene.rules);
    verdictOn(device, [reading(1, 1)]);
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
    const { actions } = verdictOn(device, scene.readings ?? ON_AND_OFF, NOW + 5000);
    expect(actions).toEqual([{ led_on: true }]);
  });

  it('answers each reading of a rule of mode `every`, also if the verdict changes and changes back', () => {
    const device = lamp([{ ...NIGHT_LIGHT, mode: 'every' }]);
    verdictOn(device, [reading(1, 1)]);
    expect(verdictOn(device, [reading(500, 2), reading(1, 3)]).actions).toEqual([
      { led_on: false },
      { led_on: true },
    ]);
  });

  it('says it after what other rules said before it, for on one lane the latest counts', () => {
    const day: RuleInput = {
      ...NIGHT_LIGHT,
      id: 'alarm',
      when: 'heat > 50',
      then: { led_on: 'red' },
      else: { led_on: 'off' },
    };
    const device = lamp([NIGHT_LIGHT, day]);
    const burning = { reading: { light: 1, heat: 60 } };
    const part = verdictOn(device, [reading(1, 1, burning), reading(900, 2)]);
    expect(part.actions).toEqual([{ led_on: 'red' }, { led_on: false }]);
  });

  it("answers each of several readings of the lesson's device", () => {
    const device = lamp([NIGHT_LIGHT], true);
    expect(verdictOn(device, [reading(1), reading(2), reading(500)]).actions).toEqual([
      { led_on: true },
      { led_on: true },
      { led_on: false },
    ]);
  });

  it("takes over the store's grounds and judges anew on them", () => {
    const device = lamp();
    verdictOn(device, [reading(299, 5)]);
    device.adoptStored({
      version: 'other.7',
      mark: { seq: 4, at: undefined },
      rules: '{"night-light":{"since":1,"raised":true,"at":1,"emittedAt":1}}',
      kinds: '',
      session: { id: 1, keeps: false },
    });
    expect(verdictOn(device, [reading(299, 5)])).toMatchObject({
      version: 'other.7',
      rules: '',
      actions: [],
    });
  });
});

describe('rules that look back', () => {
  const rising: RuleInput = { ...NIGHT_LIGHT, id: 'rising', when: 'light > last.light' };

  it('wait until the history has been read, and are fenced by what it held', () => {
    const device = lamp([rising]);
    device.adoptStored({ version: 'other.3', ...nothing });
    expect(verdictOn(device, [reading(5, 9)]).version).toBe(UNKNOWN_VERSION);
    device.setHistory(
      {
        readings: [{ receivedAt: NOW - 1000, late: false, measurements: { light: 4 } }],
        count: 40,
        late: 2,
      },
      240,
    );
    const part = verdictOn(device, [reading(5, 9)]);
    expect([part.version, part.actions]).toEqual([exactVersion('other.3', 40, 2), [{ led_on: true }]]);
    expect(verdictOn(device, [reading(3, 10)]).version).toBe(
      exactVersion(versionAfter('me', part.part), 41, 2),
    );
  });

  it('read it again when a new rule looks back further than those before', () => {
    const device = lamp([rising]);
    verdictOn(device, [reading(5, 1)]);
    const dim: RuleInput = { ...NIGHT_LIGHT, id: 'dim', when: 'window.avg("light", "1h") < 300' };
    device.useRules(setOf(rising, dim));
    expect(device.needsHistory).toBe(true);
    device.setHistory({ readings: [], count: 1, late: 0 }, 240);
    device.useRules(setOf(dim));
    expect(device.needsHistory).toBe(false);
  });

  describe('go on from what they knew when another replica was faster:', () => {
    const stored = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => ({
        receivedAt: NOW + from + i,
        late: false,
        measurements: { light: from + i },
      }));
    /** A device whose readings 1 to 100 were read, that took one more of its own, and that another replica has overtaken. */
    const overtaken = () => {
      const device = lamp([{ ...NIGHT_LIGHT, id: 'dim', when: 'window.avg("light", "1h") < 300' }]);
      device.adoptStored({ version: 'other.3', ...nothing });
      device.setHistory({ readings: stored(1, 100), count: 500, late: 2 }, 50);
      verdictOn(device, [reading(999, 1)]);
      device.adoptStored({ version: 'other.4', ...nothing });
      return device;
    };
    const lights = ({ history }: KnownDevice) => [history?.size, history?.min('light', 3_600_000)];

    it('only the last readings are read', () => {
      const device = overtaken();
      expect([device.needsHistory, device.readingsToLoad(50) < 50]).toEqual([true, true]);
      device.setHistory({ readings: stored(94, 103), count: 503, late: 2 }, 50);
      expect([lights(device), device.history?.newest?.reading]).toEqual([[50, 54], { light: 103 }]);
      expect(device.versionToCompare(true)).toBe(exactVersion('other.4', 503, 2));
    });

    it.each([
      ['more were added', { readings: stored(104, 113), count: 513, late: 2 }],
      ['a late one came between', { readings: stored(94, 103), count: 503, late: 3 }],
      ['the store lost what it held', { readings: stored(1, 4), count: 4, late: 2 }],
      ['the store holds others', { readings: stored(200, 209), count: 503, late: 2 }],
    ])('all of them if %s', (_what, tail) => {
      const device = overtaken();
      device.setHistory(tail, 50);
      expect([device.needsHistory, device.readingsToLoad(50)]).toEqual([true, 50]);
      device.setHistory({ readings: stored(51, 110), count: 600, late: 9 }, 50);
      expect([device.needsHistory, lights(device)]).toEqual([false, [50, 61]]);
    });
  });

  it('see the history of a replay, which does not actuate itself', () => {
    const device = lamp([rising]);
    verdictOn(device, [reading(5, 1)]);
    expect(verdictOn(device, [reading(9, 2, { isReplayed: true }), reading(7, 3)]).actions).toEqual([
      { led_on: false },
    ]);
  });
});

describe('a timer', () => {
  const silence: RuleInput = {
    id: 'silence',
    absence: { after: '10s' },
    then: { siren: true },
    else: { siren: false },
  };
  const remembered = (device: KnownDevice, receivedAt: number) =>
    device.setHistory(
      {
        readings: [{ receivedAt, late: false, measurements: { light: 4 } }],
        count: 1,
        late: 0,
      },
      240,
    );

  it('is set by the first reading, and moved only to an earlier time', () => {
    const device = lamp([silence]);
    expect(verdictOn(device, [reading(1, 1)]).timer).toEqual({ at: NOW + 10_000, exact: false });
    expect(verdictOn(device, [reading(1, 2)], NOW + 1000).timer).toBeUndefined();
    expect(verdictOn(device, [reading(1, 3)], NOW + 10_000).timer).toEqual({
      at: NOW + 20_000,
      exact: false,
    });
  });

  it('judges without a reading, and asks first what the store holds', () => {
    const device = lamp([silence]);
    verdictOn(device, [reading(1, 1)]);
    expect(verdictOn(device, [], NOW + 10_000)).toMatchObject({ version: UNKNOWN_VERSION, live: [] });
    remembered(device, NOW);
    const part = verdictOn(device, [], NOW + 10_000);
    expect(part).toMatchObject({ live: [], late: [], actions: [{ siren: true }], timer: { exact: true } });
    expect(device.history).toBeUndefined();
    expect(verdictOn(device, [reading(1, 2)], NOW + 11_000).actions).toEqual([{ siren: false }]);
  });

  it('does not lower what silence has raised because nobody has listened for a while', () => {
    const device = lamp([silence]);
    verdictOn(device, [reading(1, 1)]);
    remembered(device, NOW);
    expect(verdictOn(device, [], NOW + 10_000).actions).toEqual([{ siren: true }]);
    remembered(device, NOW);
    expect(verdictOn(device, [], NOW + 60_000, undefined, NOW + 59_000).actions).toEqual([]);
    expect(verdictOn(device, [reading(1, 2)], NOW + 61_000).actions).toEqual([{ siren: false }]);
  });

  it('is not lost where another replica has just judged by a rule that is not known here yet', () => {
    const device = lamp([silence]);
    const held = { since: 9, raised: false, at: NOW - 60_000, held: NOW };
    device.adoptStored({ version: 'other.1', ...nothing, rules: JSON.stringify({ new: held }) });
    remembered(device, NOW);
    expect(verdictOn(device, [], NOW + 500).timer).toEqual({ at: NOW + 1500, exact: true });
    remembered(device, NOW);
    expect(verdictOn(device, [], NOW + 6000).timer).toEqual({ at: NOW + 10_500, exact: true });
  });

  it('that comes too early sets the next one', () => {
    const device = lamp([silence]);
    verdictOn(device, [reading(1, 1)]);
    remembered(device, NOW + 5000);
    expect(verdictOn(device, [], NOW + 10_000)).toMatchObject({
      actions: [],
      timer: { at: NOW + 15_000, exact: true },
    });
  });
});

describe('a rule that fails', () => {
  it('is told, and the others judge', () => {
    const device = lamp([{ ...NIGHT_LIGHT, id: 'broken', when: '1 / int(light) > 0' }, NIGHT_LIGHT]);
    const part = verdictOn(device, [reading(0, 1)]);
    expect(part.actions).toEqual([{ led_on: true }]);
    expect(part.errors).toEqual([expect.stringMatching(/^broken: /)]);
  });
});

describe('a command that the queue had no room for', () => {
  it('is emitted again on the next reading', () => {
    const device = lamp();
    const [command] = verdictOn(device, [reading(1, 1)]).commands;
    expect(verdictOn(device, [reading(2, 2)]).actions).toEqual([]);
    device.resetState(command!.rule!);
    expect(verdictOn(device, [reading(3, 3)]).actions).toEqual([{ led_on: true }]);
  });
});

describe('rules that change', () => {
  it('take effect on the next reading; what others remember stays, what is gone is forgotten', () => {
    const device = lamp([NIGHT_LIGHT, { ...NIGHT_LIGHT, id: 'other', when: 'light < 1000' }]);
    verdictOn(device, [reading(500, 1)]);
    device.useRules(setOf(NIGHT_LIGHT));
    expect(Object.keys(device.states)).toEqual(['night-light']);
    expect(verdictOn(device, [reading(501, 2)]).actions).toEqual([]);
  });

  it('leave alone what a replica that knows a newer version has decided, and look again soon', () => {
    const device = lamp();
    device.useRules(setSince(7, NIGHT_LIGHT));
    expect(verdictOn(device, [reading(1, 1)]).actions).toEqual([{ led_on: true }]);
    const { states } = device;
    device.useRules(setOf({ ...NIGHT_LIGHT, when: 'light < 0' }));
    const part = verdictOn(device, [reading(1, 2)]);
    expect(part).toMatchObject({ actions: [], rules: '', timer: { at: NOW + 1000, exact: false } });
    expect(device.states).toBe(states);
    device.useRules(setSince(7, NIGHT_LIGHT));
    expect(verdictOn(device, [reading(1, 3)]).actions).toEqual([]);
  });

  it('take with them what only the store still remembers, once no replica can be behind', () => {
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
    const part = verdictOn(device, [reading(1, 1)]);
    expect(Object.keys(JSON.parse(part.rules))).toEqual(['new', 'watering', 'night-light']);
  });
});

describe('a sensor of a quorum', () => {
  it('votes on every reading, with hysteresis, and commands nothing itself', () => {
    const device = lamp([
      {
        ...NIGHT_LIGHT,
        id: 'stadium',
        clear: 'light > 330',
        quorum: { policy: 'majority' },
        target: { devices: '*' },
      },
    ]);
    const votes = [200, 310, 340].map((light, i) => verdictOn(device, [reading(light, i + 1)]));
    expect(votes.map(({ votes: cast }) => cast!.map(({ vote }) => vote))).toEqual([
      ['1,1'],
      ['1,1'],
      ['0,1'],
    ]);
    expect(votes.flatMap(({ actions }) => actions)).toEqual([]);
    expect(votes[0]!.voted.map(({ id }) => id)).toEqual(['stadium']);
  });

  it('keeps the vote of a reading when the next one of the batch does not say', () => {
    const device = lamp([{ ...NIGHT_LIGHT, id: 'stadium', quorum: { policy: 'majority' } }]);
    const part = verdictOn(device, [
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
  const standing: GroupState = {
    since: 1,
    begun: NOW,
    rule: { since: 1, raised: true, at: NOW, emittedAt: NOW },
    toldAt: NOW,
  };
  const reports = (led_on: boolean) => [reading(1, undefined, { reading: { light: 1, led_on } })];
  const after = (seconds: number) => NOW + seconds * 1000;

  it('is told again what stands, with the evidence, and remembers it until it has agreed for as long', () => {
    const device = lamp([FLOODLIGHT]);
    expect(verdictOn(device, reports(false), after(9), standing)).toMatchObject({ actions: [], rules: '' });
    const told = verdictOn(device, reports(false), after(10), standing);
    expect(told).toMatchObject({ actions: [{ led_on: true }], version: FIRST_VERSION, votes: [], voted: [] });
    expect(JSON.parse(told.rules)).toEqual({
      'target:floodlight': { since: 1, raised: true, at: NOW, emittedAt: after(10), repeats: 1 },
    });
    expect(JSON.parse(told.commands[0]!.json)).toMatchObject({
      source: 'rule',
      rule: 'floodlight',
      because: {
        kind: 'reassert',
        standing,
        reading: { led_on: false },
        device: { address: { fleet: 'demo', device: 'lamp-1' } },
      },
    });
    // Judged on what it was just told, before the store has answered.
    expect(verdictOn(device, reports(false), after(29), standing)).toMatchObject({ actions: [], rules: '' });
    expect(verdictOn(device, reports(false), after(30), standing).actions).toEqual([{ led_on: true }]);
    expect(verdictOn(device, reports(true), after(69), standing)).toMatchObject({ actions: [], rules: '' });
    expect(verdictOn(device, reports(true), after(70), standing)).toMatchObject({ actions: [], rules: '{}' });
    expect(verdictOn(device, reports(true), after(71), standing).rules).toBe('');
  });

  it('is told nothing while it is not known what stands, and by no timer', () => {
    const device = lamp([FLOODLIGHT]);
    expect(verdictOn(device, reports(false), after(60)).actions).toEqual([]);
    device.setHistory({ readings: [], count: 0, late: 0 }, 240);
    expect(verdictOn(device, [], after(60), standing).actions).toEqual([]);
  });

  it('forgets it with the rule', () => {
    const device = lamp([FLOODLIGHT, NIGHT_LIGHT]);
    verdictOn(device, reports(false), after(60), standing);
    expect(Object.keys(device.states).toSorted()).toEqual(['night-light', 'target:floodlight']);
    device.useRules(setOf(NIGHT_LIGHT));
    expect([Object.keys(device.states), device.targets]).toEqual([['night-light'], []]);
  });
});
