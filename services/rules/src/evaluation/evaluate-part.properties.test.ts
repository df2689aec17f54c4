// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import { type CompiledRule, compileRule } from '@lamplighter/evaluation/rule/compile-rule';
import { type RuleInput, ruleSchema } from '@lamplighter/evaluation/rule/rule';
import { type RecordedReading, simulate } from '@lamplighter/evaluation/simulation/simulate';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { KeptReading } from '@lamplighter/store/devices/devices';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import fc from 'fast-check';
import { KnownDevice } from '../cache/known-device.js';
import { RuleSet } from '../rule-book/rule-set.js';
import { evaluatePart, type PendingReading } from './evaluate-part.js';

const START = Date.UTC(2026, 10, 22, 12);
const UNTIL = START + 600_000;

/** The rule, time and action of a command. */
type Commanded = readonly [rule: string, ms: number, on: unknown];

/**
 * The commands of the service, with a simulated store whose timers are exact.
 * @param isBatched readings of the same time arrive as one batch, otherwise one by one
 */
function runLive(
  rules: readonly CompiledRule[],
  recording: readonly RecordedReading[],
  isBatched = false,
): Commanded[] {
  const device = new KnownDevice(new DeviceAddress('demo', 'lamp', false));
  device.useRules(new RuleSet(rules));
  const session = { id: 1, keeps: false };
  device.adoptStored({
    version: NEW_DEVICE,
    mark: { seq: undefined, at: undefined },
    rules: '',
    kinds: '',
    session,
  });
  const commanded: Commanded[] = [];
  const kept: KeptReading[] = [];
  let due: number | undefined;
  let part = 0;
  const count = { matched: 0, unmatched: 0, undecided: 0, error: 0, budget_exceeded: 0 };
  const step = (readings: PendingReading[], now: number) => {
    const needsWindow = device.depth > 0 || readings.length === 0;
    if (needsWindow && device.window === undefined)
      device.setWindow({ readings: kept, count: kept.length, late: 0 }, 240);
    const { timer, commands } = evaluatePart(device, readings, 'me', ++part, now, {
      ...count,
      onError: () => {},
    });
    if (timer !== undefined)
      due = timer.exact ? timer.at : Math.min(due ?? Number.POSITIVE_INFINITY, timer.at!);
    for (const { rule, action } of commands) commanded.push([rule!.id, now - START, action.led_on]);
  };
  const wait = (until: number) => {
    while (due !== undefined && due <= until) {
      const now = due;
      step([], now);
      expect(due ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
    }
  };
  const pending = (reading: RecordedReading['reading']): PendingReading => {
    const json = JSON.stringify(reading);
    const times = {
      n: undefined,
      seq: undefined,
      at: undefined,
      isRetained: false,
      isReplayed: false,
      isLive: undefined,
      ageMs: 0,
      arrivedAt: 0,
      traceparent: undefined,
    };
    return { ...times, json, reading: JSON.parse(json) };
  };
  for (let i = 0; i < recording.length; ) {
    const { at } = recording[i]!;
    const next = isBatched ? recording.findIndex((other, j) => j > i && other.at !== at) : i + 1;
    const batch = recording.slice(i, next < 0 ? recording.length : next);
    i += batch.length;
    wait(at);
    step(
      batch.map(({ reading }) => pending(reading)),
      at,
    );
    for (const { reading } of batch)
      kept.push({ receivedAt: at, late: false, measurements: JSON.parse(JSON.stringify(reading)) });
  }
  wait(UNTIL);
  return commanded;
}

const times = fc.constantFrom('0s', '1s', '5s', '20s', '45s');
const conditions = fc.constantFrom<Partial<RuleInput>>(
  { when: 'light < 300' },
  { when: 'light < 300', clear: 'light > 330' },
  { when: 'window.avg("light", "1m") < 300', clear: 'window.avg("light", "1m") > 320.5' },
  { when: 'light < last.light - 20' },
  { when: 'window.zscore("light", "5m") > 1.5 || window.count("light", "30s") > 3' },
  { when: '1000 / (light - 300) < 0' },
  { when: 'has(heat) || light < 300' },
  { absence: { after: '10s' } },
);
const clauses = fc.record({
  hold: times,
  dwell: times,
  cooldown: times,
  settle: times,
  maxAge: fc.constantFrom('5s', '30s', '10m'),
  quiet: fc.constantFrom(undefined, { from: '12:01', to: '12:03' }, { from: '11:59', to: '12:02' }),
  run: fc.constantFrom(undefined, { seconds: '(320 - light) / 5', max: '1m' }, { seconds: '4', max: '1m' }),
  deadband: fc.constantFrom(undefined, { of: 'light', by: 15 }),
  mode: fc.constantFrom('change' as const, 'every' as const),
  else: fc.constantFrom(undefined, { led_on: false }),
});
/** Clauses that mostly do not delay verdicts. */
const immediateClauses = fc.tuple(clauses, fc.integer({ min: 0, max: 3 })).map(([more, waits]) => {
  const none = { hold: '0s', dwell: '0s', settle: '0s', run: undefined, mode: 'change' } as const;
  return waits === 0 ? more : { ...more, ...none };
});
const ruleNamed = (id: string, withClauses = clauses): fc.Arbitrary<CompiledRule> =>
  fc.tuple(conditions, withClauses).map(([condition, more]) => {
    const isRun = more.run !== undefined;
    const document = {
      id,
      then: { led_on: true },
      reassert: 'never',
      ...more,
      ...condition,
      ...(isRun && { mode: 'change', else: { led_on: false } }),
      ...(condition.absence !== undefined && { deadband: undefined }),
    };
    return compileRule(ruleSchema.parse(document), 1, 1);
  });
const recordings: fc.Arbitrary<RecordedReading[]> = fc
  .uniqueArray(
    fc.record({
      second: fc.integer({ min: 0, max: 400 }),
      name: fc.constantFrom('light', 'light', 'light', 'light', 'heat'),
      value: fc.oneof(fc.integer({ min: 0, max: 1023 }), fc.integer({ min: 280, max: 345 })),
    }),
    { selector: ({ second }) => second, maxLength: 60 },
  )
  .map((all) =>
    all
      .toSorted((a, b) => a.second - b.second)
      .map(({ second, name, value }) => ({
        device: 'lamp',
        at: START + second * 1000,
        reading: { [name]: value },
      })),
  );

/** Recordings of a device that is offline for a while and then sends its readings together. */
const backlogs: fc.Arbitrary<RecordedReading[]> = recordings.map((all) =>
  all.map((one) => ({ ...one, at: START + Math.ceil((one.at - START) / 100_000) * 100_000 })),
);

describe('evaluatePart with backlogs', () => {
  it('ends with the same command as one by one, and never repeats a command', () => {
    let fewer = 0;
    fc.assert(
      fc.property(ruleNamed('r', immediateClauses), backlogs, (rule, recording) => {
        const batched = runLive([rule], recording, true);
        const single = runLive([rule], recording);
        if (rule.mode === 'every') return expect(batched).toEqual(single);
        if (rule.cooldownMs === 0) expect(batched.at(-1)?.[2]).toEqual(single.at(-1)?.[2]);
        expect(batched.length).toBeLessThanOrEqual(single.length);
        if (batched.length < single.length) fewer += 1;
        if (rule.whenFalse === undefined || rule.run !== undefined) return;
        for (const [i, [, , on]] of batched.entries()) if (i > 0) expect(on).not.toBe(batched[i - 1]![2]);
      }),
      { numRuns: 500 },
    );
    expect(fewer).toBeGreaterThan(20);
  });
});

describe('evaluatePart with single readings', () => {
  it('emits the same commands as a simulation of the rule', () => {
    fc.assert(
      fc.property(ruleNamed('r'), recordings, (rule, recording) => {
        const simulated: Commanded[] = [];
        for (const { command } of simulate(rule, recording, { fleet: 'demo', until: UNTIL }))
          if (command !== undefined) simulated.push(['r', command.at - START, command.action.led_on]);
        expect(runLive([rule], recording)).toEqual(simulated);
      }),
      { numRuns: 150 },
    );
  });

  it('evaluates each rule independently of the others', () => {
    fc.assert(
      fc.property(ruleNamed('a'), ruleNamed('b'), recordings, (a, b, recording) => {
        const both = runLive([a, b], recording);
        for (const rule of [a, b])
          expect(both.filter(([id]) => id === rule.id)).toEqual(runLive([rule], recording));
      }),
      { numRuns: 150 },
    );
  });
});
