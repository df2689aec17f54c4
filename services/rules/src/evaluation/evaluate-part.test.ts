// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import {
  FIRST_VERSION,
  NEW_DEVICE,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/rules/state-version';
import {
  evaluateOn,
  lamp,
  NIGHT_LIGHT,
  NOTHING_STORED,
  NOW,
  reading,
  setOf,
  setSince,
} from '../../test/evaluate-lamp.js';
import { KnownDevice } from '../cache/known-device.js';
import type { PendingReading } from './evaluate-part.js';

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

  it('starts no cooldown with a raise that sent no command', () => {
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
    device.setWindow(
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
        ...NOTHING_STORED,
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

describe('a failing rule', () => {
  it('is reported and does not affect the others', () => {
    const device = lamp([{ ...NIGHT_LIGHT, id: 'broken', when: '1 / int(light) > 0' }, NIGHT_LIGHT]);
    const part = evaluateOn(device, [reading(0, 1)]);
    expect(part.actions).toEqual([{ led_on: true }]);
    expect(part.errors).toEqual([expect.stringMatching(/^broken: /)]);
  });
});

describe('resetState', () => {
  it('makes the rule send its command again on the next reading', () => {
    const device = lamp();
    const [command] = evaluateOn(device, [reading(1, 1)]).commands;
    expect(evaluateOn(device, [reading(2, 2)]).actions).toEqual([]);
    device.resetState(command!.rule!);
    expect(evaluateOn(device, [reading(3, 3)]).actions).toEqual([{ led_on: true }]);
  });
});

describe('changed rules', () => {
  it('take effect on the next reading and keep the states of only the unchanged rules', () => {
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
      ...NOTHING_STORED,
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
