// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { type EndEvidence, promisedEnd, replayEnd } from '@lamplighter/evaluation/evaluate/promised-end';
import { compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { KnownDevice } from '../cache/known-device.js';
import { type Release, RuleSet, type RuleSetFacts } from '../rule-book/rule-set.js';
import { evaluatePart, type PendingReading } from './evaluate-part.js';

const NOW = 1_800_000_000_000;
const ON = { pump: true };
const OFF = { pump: false };
const WATER: RuleInput = {
  id: 'water',
  when: 'soil > 450',
  then: ON,
  else: OFF,
  run: { seconds: '10', max: '20s' },
  command: { policy: 'now', ttl: '5m', attempts: 3 },
};
const { run: _, ...WITHOUT_RUN } = WATER;
const compiled = (input: RuleInput, since = 1) => compileRule(ruleSchema.parse(input), since, since);
const setOf = (since: number, rules: readonly RuleInput[], facts: RuleSetFacts = {}) =>
  new RuleSet(
    rules.map((rule) => compiled(rule, since)),
    { revision: since, ...facts },
  );
const releaseOf = (rule: RuleInput, more: Partial<Release> = {}): Map<string, Release> => {
  const before = compiled(rule);
  const release = { rule: before.id, since: 1, scope: before.scope, keptFor: undefined, ...more };
  return new Map([[before.id, { end: promisedEnd(before)!, ...release }]]);
};

let parts = 0;
/** A device whose states and timer are stored, evaluated by one of several replicas. */
function plot(rules: RuleSet) {
  let device: KnownDevice;
  let states: Record<string, RuleState> = {};
  let due: number | undefined;
  const kept: KeptReading[] = [];
  const startReplica = (set: RuleSet) => {
    device = new KnownDevice(new DeviceAddress('demo', 'plot', false));
    device.useRules(set);
    const session = { id: 1, keeps: false };
    const mark = { seq: undefined, at: undefined };
    device.adoptStored({ version: NEW_DEVICE, mark, rules: JSON.stringify(states), session, kinds: '' });
    device.setWindow({ readings: kept, count: kept.length, late: 0 }, 240);
  };
  const count = { matched: 0, unmatched: 0, undecided: 0, error: 0, budget_exceeded: 0, onError: () => {} };
  const step = (readings: PendingReading[], now: number) => {
    const part = evaluatePart(device, readings, 'me', ++parts, now, count);
    if (part.rules !== '') states = JSON.parse(part.rules) as Record<string, RuleState>;
    if (part.timer !== undefined)
      due = part.timer.exact ? part.timer.at : Math.min(due ?? Number.POSITIVE_INFINITY, part.timer.at!);
    device.window = undefined;
    device.setWindow({ readings: kept, count: kept.length, late: 0 }, 240);
    return part.commands;
  };
  startReplica(rules);
  return {
    /** Another replica, without a cached state, takes over. */
    startReplica,
    /** The same replica reads a change. */
    change: (set: RuleSet) => device.useRules(set),
    read: (soil: number, now: number) => {
      kept.push({ receivedAt: now, late: false, measurements: { soil } });
      return step(
        [
          {
            ...{
              n: undefined,
              seq: undefined,
              at: undefined,
              arrivedAt: 0,
              traceparent: undefined,
              ageMs: 0,
            },
            ...{
              json: JSON.stringify({ soil }),
              reading: { soil },
              isRetained: false,
              isReplayed: false,
              isLive: undefined,
            },
          },
        ],
        now,
      );
    },
    wake: (now: number) => step([], now),
    get due() {
      return due;
    },
    get states() {
      return states;
    },
  };
}
const actions = (commands: readonly { action: unknown }[]) => commands.map(({ action }) => action);

/** Promised ends, without the first verdicts of a version that starts from scratch. */
const promised = (commands: readonly { cause: string }[]) =>
  commands.filter(({ cause }) => cause === 'promise:water');

describe('a run of a rule that is no longer in force', () => {
  it.each<[change: string, reason: string, set: RuleSet]>([
    ['its rule is deleted', 'deleted', setOf(2, [])],
    ['its rule is disabled', 'disabled', setOf(2, [], { disabled: new Set(['water']) })],
    ['its rule is replaced by one without a run', 'changed', setOf(2, [WITHOUT_RUN])],
    ['its rule is replaced by one with another end', 'changed', setOf(2, [{ ...WATER, else: { pump: 0 } }])],
    [
      'its rule is deleted and another one gets its id',
      'changed',
      setOf(3, [{ id: 'water', when: 'heat > 1', then: { fan: true } }]),
    ],
    [
      'the device is no longer in the scope',
      'out_of_scope',
      new RuleSet([compiled({ ...WATER, scope: { devices: ['other'] } })], { revision: 2 }),
    ],
    [
      'its rule is replaced by one that detects silence',
      'changed',
      setOf(2, [{ ...WITHOUT_RUN, when: undefined, absence: { after: '1h' } }]),
    ],
    ['its rule becomes a quorum', 'changed', setOf(2, [{ ...WITHOUT_RUN, quorum: { policy: 'any' } }])],
    ['the rules of the fleet are switched off', 'rules_off', setOf(2, [], { isOff: true })],
  ])('ends once, at its promised time, when %s', (_change, reason, set) => {
    for (const sameReplica of [true, false]) {
      const device = plot(setOf(1, [WATER]));
      const { read, wake, change, startReplica } = device;
      expect(actions(read(500, NOW))).toEqual([ON]);
      if (sameReplica) change(set);
      else startReplica(set);
      expect(actions(read(900, NOW + 4000))).toEqual([]);
      expect(actions(wake(NOW + 5000))).toEqual([]);
      expect(device.due ?? 0).toBeLessThanOrEqual(NOW + 10_000);
      const [off, ...more] = wake(NOW + 10_000);
      expect(more).toEqual([]);
      // As promised by the version that started it, but with policy `latest`, so that it waits for the device.
      expect(off).toMatchObject({
        ...{ action: OFF, lane: 'pump', policy: 'latest', ttl: 300_000, attempts: 3, cause: 'promise:water' },
      });
      const because = JSON.parse(off!.json).because as EndEvidence;
      expect(because).toMatchObject({ kind: 'end', by: 'promise', departure: reason, version: 1 });
      expect(replayEnd(because).evaluated.emit).toEqual(OFF);
      expect(device.states.water?.runUntil).toBeUndefined();
      expect(promised(wake(NOW + 10_001))).toEqual([]);
    }
  });

  it('ends before the new version starts from scratch', () => {
    const { read, wake, change } = plot(setOf(1, [WATER]));
    read(500, NOW);
    change(setOf(2, [WITHOUT_RUN]));
    expect(actions(read(900, NOW + 4000))).toEqual([]);
    expect(actions(read(900, NOW + 10_000))).toEqual([OFF]);
    expect(actions(read(900, NOW + 12_000))).toEqual([ON]);
    expect(actions(wake(NOW + 99_000))).toEqual([]);
  });

  it('continues if the change does not concern the device', () => {
    const { read, wake, change } = plot(setOf(1, [WATER]));
    read(500, NOW);
    change(new RuleSet([compiled({ ...WATER, scope: { devices: ['plot'] } })], { revision: 2 }));
    const [off] = wake(NOW + 10_000);
    expect(off).toMatchObject({ action: OFF, policy: 'latest', cause: 'promise:water' });
    expect(JSON.parse(off!.json).because).toMatchObject({ state: { ends: { version: 1 } } });
  });

  it('is left for a few seconds to replicas that have read its version', () => {
    const device = plot(setOf(7, [WATER]));
    const { read, wake, startReplica } = device;
    read(500, NOW);
    startReplica(setOf(6, []));
    expect(actions(wake(NOW + 10_000))).toEqual([]);
    expect(device.due).toBe(NOW + 11_000);
    expect(actions(wake(NOW + 15_001))).toEqual([OFF]);
  });

  it('ends when the clock was set back by more than its maximum', () => {
    const { read, wake, change } = plot(setOf(1, [WATER]));
    read(500, NOW);
    change(setOf(2, []));
    expect(actions(wake(NOW - 3_600_000))).toEqual([OFF]);
  });
});

describe('a raised verdict of a rule that is no longer in force', () => {
  const raised = () => {
    const device = plot(setOf(1, [WITHOUT_RUN]));
    expect(actions(device.read(500, NOW))).toEqual([ON]);
    return device;
  };

  it.each<[change: string, set: RuleSet]>([
    ['deleted', setOf(2, [])],
    ['disabled', setOf(2, [], { disabled: new Set(['water']) })],
    ['switched off with its fleet', setOf(2, [], { isOff: true })],
  ])('is not lowered when the rule is %s without a release', (_change, set) => {
    const { read, wake, change } = raised();
    change(set);
    expect(actions([...read(100, NOW + 1000), ...wake(NOW + 9_000_000)])).toEqual([]);
  });

  it.each<[change: string, set: RuleSet]>([
    ['deleted', setOf(2, [], { releases: releaseOf(WITHOUT_RUN) })],
    ['replaced', setOf(2, [{ ...WITHOUT_RUN, when: 'soil > 999' }], { releases: releaseOf(WITHOUT_RUN) })],
    [
      'narrowed',
      new RuleSet([compiled({ ...WITHOUT_RUN, scope: { devices: ['other'] } })], {
        revision: 2,
        releases: releaseOf(WITHOUT_RUN, { keptFor: ['other'] }),
      }),
    ],
  ])('is released once when the rule is %s with a release', (_change, set) => {
    for (const sameReplica of [true, false]) {
      const { wake, change, startReplica } = raised();
      if (sameReplica) change(set);
      else startReplica(set);
      const [off, ...more] = wake(NOW + 1000);
      expect(more).toEqual([]);
      expect(off).toMatchObject({ action: OFF, cause: 'promise:water' });
      expect(JSON.parse(off!.json).because).toMatchObject({ kind: 'end', by: 'release', version: 1 });
      expect(promised(wake(NOW + 2000))).toEqual([]);
    }
  });

  it('stays if the rule continues for the device, even if the device leaves the scope later', () => {
    const releases = releaseOf(WITHOUT_RUN, { keptFor: ['plot'] });
    const { wake, change } = raised();
    change(
      new RuleSet([compiled({ ...WITHOUT_RUN, scope: { devices: ['plot'] } })], { revision: 2, releases }),
    );
    expect(actions(wake(NOW + 1000))).toEqual([]);
    change(
      new RuleSet([compiled({ ...WITHOUT_RUN, scope: { devices: ['other'] } })], { revision: 3, releases }),
    );
    expect(actions(wake(NOW + 2000))).toEqual([]);
  });

  it('stays if its version is newer than the release', () => {
    const device = plot(setOf(5, [WITHOUT_RUN]));
    device.read(500, NOW);
    device.change(setOf(6, [], { releases: releaseOf(WITHOUT_RUN) }));
    expect(actions(device.wake(NOW + 1000))).toEqual([]);
  });

  it('with a run ends immediately on a release', () => {
    const { read, wake, change } = plot(setOf(1, [WATER]));
    read(500, NOW);
    change(setOf(2, [], { releases: releaseOf(WATER) }));
    expect(actions(wake(NOW + 1000))).toEqual([OFF]);
    expect(actions(wake(NOW + 10_000))).toEqual([]);
  });
});

it('discards a pending hold when its device leaves the scope', () => {
  const holding = { ...WITHOUT_RUN, hold: '10s' };
  const device = plot(setOf(1, [holding]));
  device.read(100, NOW);
  device.read(100, NOW + 11_000);
  device.read(500, NOW + 12_000);
  expect(device.states.water).toMatchObject({ held: NOW + 12_000 });
  device.startReplica(
    new RuleSet([compiled({ ...holding, scope: { devices: ['other'] } })], { revision: 2 }),
  );
  device.read(500, NOW + 13_000);
  expect(device.states.water?.held).toBeUndefined();
  device.startReplica(setOf(1, [holding]));
  expect(actions(device.read(500, NOW + 23_000))).toEqual([]);
  expect(actions(device.wake(NOW + 33_000))).toEqual([ON]);
});
