import { compileCondition } from '@lamplighter/evaluation/condition';
import type { CompiledRule } from '@lamplighter/evaluation/evaluate';
import {
  DeviceAddress,
  FIRST_VERSION,
  NEW_DEVICE,
  UNKNOWN_VERSION,
  versionAfter,
} from '@lamplighter/store/accept-readings';
import { KnownDevice } from './device-cache.js';
import { judge, type PendingReading } from './judge.js';

const nightLight: CompiledRule = {
  id: 'night-light',
  when: compileCondition('light < 300'),
  whenTrue: { led_on: true },
  whenFalse: { led_on: false },
  mode: 'change',
  policy: 'latest',
  lane: 'led',
  ttlMs: 60_000,
  timeoutMs: 60_000,
  attempts: 5,
  onFailure: undefined,
};
const NOW = 1_800_000_000_000;
let parts = 0;

function lamp(rules = [nightLight], lesson = false): KnownDevice {
  const device = new KnownDevice(new DeviceAddress('demo', lesson ? 'demo' : 'lamp-1', lesson), rules);
  device.believe({
    version: NEW_DEVICE,
    mark: { seq: undefined, at: undefined },
    rules: '',
    session: { id: 1, keeps: false },
  });
  return device;
}
function reading(light: number, seq?: number, more: Partial<PendingReading> = {}): PendingReading {
  return {
    n: undefined,
    seq,
    at: undefined,
    json: `{"light":${light}}`,
    reading: { light },
    mayActuate: true,
    takenAt: 0,
    ...more,
  };
}
function verdictOn(device: KnownDevice, readings: PendingReading[]) {
  const part = judge(device, readings, 'me', ++parts, NOW, { matched: 0, unmatched: 0, undecided: 0 });
  return { ...part, actions: part.commands.map(({ action }) => action) };
}
const lights = (readings: readonly { json: string }[]) =>
  readings.map(({ json }) => JSON.parse(json).light as number);

describe('judging a device', () => {
  it('asks the store first when nothing is known of the device', () => {
    const unknown = new KnownDevice(new DeviceAddress('demo', 'lamp-1', false), [nightLight]);
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
      reading(10, 2, { mayActuate: false }),
      reading(20, 3, { mayActuate: false }),
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

  it("answers each of several readings of the lesson's device", () => {
    const device = lamp([nightLight], true);
    expect(verdictOn(device, [reading(1), reading(2), reading(500)]).actions).toEqual([
      { led_on: true },
      { led_on: true },
      { led_on: false },
    ]);
  });

  it("takes over the store's grounds and judges anew on them", () => {
    const device = lamp();
    verdictOn(device, [reading(299, 5)]);
    device.believe({
      version: 'other.7',
      mark: { seq: 4, at: undefined },
      rules: '{"night-light":{"raised":true,"emittedAt":1}}',
      session: { id: 1, keeps: false },
    });
    expect(verdictOn(device, [reading(299, 5)])).toMatchObject({
      version: 'other.7',
      rules: '',
      actions: [],
    });
  });
});
