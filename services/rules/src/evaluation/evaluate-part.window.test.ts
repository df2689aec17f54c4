// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleInput } from '@lamplighter/evaluation/rule/rule';
import { exactVersion, UNKNOWN_VERSION, versionAfter } from '@lamplighter/store/rules/state-version';
import {
  evaluateOn,
  lamp,
  NIGHT_LIGHT,
  NOTHING_STORED,
  NOW,
  reading,
  setOf,
} from '../../test/evaluate-lamp.js';
import type { KnownDevice } from '../cache/known-device.js';

describe('evaluatePart with rules that need the window', () => {
  const rising: RuleInput = { ...NIGHT_LIGHT, id: 'rising', when: 'light > last.light' };

  it('waits for the window, and compares its version on writing', () => {
    const device = lamp([rising]);
    device.adoptStored({ version: 'other.3', ...NOTHING_STORED });
    expect(evaluateOn(device, [reading(5, 9)]).version).toBe(UNKNOWN_VERSION);
    device.setWindow(
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

  it('reloads the window when a new rule needs more of it', () => {
    const device = lamp([rising]);
    evaluateOn(device, [reading(5, 1)]);
    const dim: RuleInput = { ...NIGHT_LIGHT, id: 'dim', when: 'window.avg("light", "1h") < 300' };
    device.useRules(setOf(rising, dim));
    expect(device.needsWindow).toBe(true);
    device.setWindow({ readings: [], count: 1, late: 0 }, 240);
    device.useRules(setOf(dim));
    expect(device.needsWindow).toBe(false);
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
      device.adoptStored({ version: 'other.3', ...NOTHING_STORED });
      device.setWindow({ readings: stored(1, 100), count: 500, late: 2 }, 50);
      evaluateOn(device, [reading(999, 1)]);
      device.adoptStored({ version: 'other.4', ...NOTHING_STORED });
      return device;
    };
    const lights = ({ window }: KnownDevice) => [
      window?.size,
      window?.compute({ fn: 'min', measurement: 'light', ms: 3_600_000 }),
    ];

    it('loads only the last readings', () => {
      const device = updatedElsewhere();
      expect([device.needsWindow, device.readingsToLoad(50) < 50]).toEqual([true, true]);
      device.setWindow({ readings: stored(94, 103), count: 503, late: 2 }, 50);
      expect([lights(device), device.window?.newest?.reading]).toEqual([[50, 54], { light: 103 }]);
      expect(device.versionToCompare(true)).toBe(exactVersion('other.4', 503, 2));
    });

    it.each([
      ['too many were added', { readings: stored(104, 113), count: 513, late: 2 }],
      ['a late one was added', { readings: stored(94, 103), count: 503, late: 3 }],
      ['the store has lost readings', { readings: stored(1, 4), count: 4, late: 2 }],
      ['the stored readings differ', { readings: stored(200, 209), count: 503, late: 2 }],
    ])('loads all readings if %s', (_what, tail) => {
      const device = updatedElsewhere();
      device.setWindow(tail, 50);
      expect([device.needsWindow, device.readingsToLoad(50)]).toEqual([true, 50]);
      device.setWindow({ readings: stored(51, 110), count: 600, late: 9 }, 50);
      expect([device.needsWindow, lights(device)]).toEqual([false, [50, 61]]);
    });
  });

  it('includes the replayed readings in the window', () => {
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
  const loadWindow = (device: KnownDevice, receivedAt: number) =>
    device.setWindow(
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
    loadWindow(device, NOW);
    const part = evaluateOn(device, [], NOW + 10_000);
    expect(part).toMatchObject({ live: [], late: [], actions: [{ siren: true }], timer: { exact: true } });
    expect(device.window).toBeUndefined();
    expect(evaluateOn(device, [reading(1, 2)], NOW + 11_000).actions).toEqual([{ siren: false }]);
  });

  it('do not lower an absence because no replica was listening', () => {
    const device = lamp([silence]);
    evaluateOn(device, [reading(1, 1)]);
    loadWindow(device, NOW);
    expect(evaluateOn(device, [], NOW + 10_000).actions).toEqual([{ siren: true }]);
    loadWindow(device, NOW);
    expect(evaluateOn(device, [], NOW + 60_000, undefined, NOW + 59_000).actions).toEqual([]);
    expect(evaluateOn(device, [reading(1, 2)], NOW + 61_000).actions).toEqual([{ siren: false }]);
  });

  it('are kept while another replica has evaluated a rule that this one has not read', () => {
    const device = lamp([silence]);
    const held = { since: 9, raised: false, at: NOW - 60_000, held: NOW };
    device.adoptStored({ version: 'other.1', ...NOTHING_STORED, rules: JSON.stringify({ new: held }) });
    loadWindow(device, NOW);
    expect(evaluateOn(device, [], NOW + 500).timer).toEqual({ at: NOW + 1500, exact: true });
    loadWindow(device, NOW);
    expect(evaluateOn(device, [], NOW + 6000).timer).toEqual({ at: NOW + 10_500, exact: true });
  });

  it('are rescheduled if they fire too early', () => {
    const device = lamp([silence]);
    evaluateOn(device, [reading(1, 1)]);
    loadWindow(device, NOW + 5000);
    expect(evaluateOn(device, [], NOW + 10_000)).toMatchObject({
      actions: [],
      timer: { at: NOW + 15_000, exact: true },
    });
  });
});
