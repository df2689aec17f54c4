// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import fc from 'fast-check';
import { type Evidence, replay } from '../evaluate/evidence.js';
import { explain } from '../explanation/explain.js';
import { isGroupEvidence, replayGroup } from '../quorum/quorum-evidence.js';
import { type CompiledRule, compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { diffCommands } from './diff-commands.js';
import { type RecordedReading, type SimulatedCommand, simulate } from './simulate.js';

const START = Date.UTC(2026, 5, 1, 12);
const ON = { led_on: true };
const OFF = { led_on: false };
const ruleOf = (input: Partial<RuleInput>): CompiledRule =>
  compileRule(ruleSchema.parse({ id: 'r', when: 'light < 300', then: ON, else: OFF, ...input }), 7, 3);
const reading = (device: string, seconds: number, light: number): RecordedReading => ({
  device,
  at: START + seconds * 1000,
  reading: { light },
});
function run(
  rule: CompiledRule,
  recording: readonly RecordedReading[],
  untilSeconds = 0,
): SimulatedCommand[] {
  const until = Math.max(START + untilSeconds * 1000, ...recording.map(({ at }) => at));
  return [...simulate(rule, recording, { fleet: 'demo', until })].flatMap(({ command }) => command ?? []);
}
const summaryOf = (commands: readonly SimulatedCommand[]) =>
  commands.map(({ device, at, action, reason }) => [
    ...(device === undefined ? [] : [device]),
    (at - START) / 1000,
    action.led_on,
    reason,
  ]);

describe('simulate', () => {
  it('commands each device of the scope', () => {
    const recording = [
      reading('hall-2', 5, 400),
      reading('lamp-1', 3, 200),
      reading('hall-1', 1, 200),
      reading('hall-1', 4, 320),
      reading('hall-1', 6, 340),
    ];
    const rule = ruleOf({ clear: 'light > 330', scope: { devices: ['hall-*'] } });
    expect(summaryOf(run(rule, recording))).toEqual([
      ['hall-1', 1, true, 'first'],
      ['hall-1', 6, false, 'change'],
      ['hall-2', 5, false, 'first'],
    ]);
  });

  it('fires timers until the end', () => {
    const rule = ruleOf({ run: { seconds: '10', max: '1m' } });
    const recording = [reading('lamp', 0, 200), reading('lamp', 30, 400), reading('lamp', 40, 200)];
    expect(summaryOf(run(rule, recording, 45))).toEqual([
      ['lamp', 0, true, 'first'],
      ['lamp', 10, false, 'run_over'],
      ['lamp', 40, true, 'change'],
    ]);
    expect(summaryOf(run(rule, recording, 50)).at(-1)).toEqual(['lamp', 50, false, 'run_over']);
  });

  it('detects absence', () => {
    const rule = ruleOf({ when: undefined, absence: { after: '10s' } });
    const recording = [reading('lamp', 0, 1), reading('lamp', 5, 1), reading('lamp', 60, 1)];
    expect(summaryOf(run(rule, recording, 65))).toEqual([
      ['lamp', 15, true, 'change'],
      ['lamp', 60, false, 'change'],
    ]);
  });

  it('computes windows at the time of each reading', () => {
    const rule = ruleOf({ when: 'window.avg("light", "10s") < 300' });
    const recording = [400, 250, 200, 100].map((light, i) => reading('lamp', i * 4, light));
    expect(summaryOf(run(rule, recording))).toEqual([
      ['lamp', 0, false, 'first'],
      ['lamp', 8, true, 'change'],
    ]);
  });

  it('does not re-assert, because reported states result from other commands', () => {
    const recording = Array.from({ length: 200 }, (_, i) => ({
      ...reading('lamp', i, 200),
      reading: { light: 200, led_on: false },
    }));
    expect(run(ruleOf({ reassert: '1s' }), recording)).toHaveLength(1);
  });

  it('emits nothing for a disabled rule', () => {
    expect(run(ruleOf({ enabled: false }), [reading('lamp', 0, 200)])).toEqual([]);
  });
});

describe('simulate with a quorum', () => {
  const rule = ruleOf({
    scope: { devices: ['a', 'b', 'c'] },
    quorum: { policy: 'majority' },
    target: { devices: ['lamp'] },
    maxAge: '20s',
  });

  it('counts the votes of all sensors in order of time', () => {
    const recording = [
      ...[400, 200, 200].map((light, i) => reading('a', i * 10, light)),
      ...[400, 400, 200].map((light, i) => reading('b', i * 10 + 1, light)),
      ...[400, 400, 400].map((light, i) => reading('c', i * 10 + 2, light)),
    ];
    const commands = run(rule, recording);
    expect(summaryOf(commands)).toEqual([
      [1, false, 'first'],
      [21, true, 'change'],
    ]);
    expect(commands[0]).toMatchObject({ targets: ['lamp'] });
  });

  it('loses the quorum if the sensors fall silent', () => {
    const safe = ruleOf({
      scope: { devices: ['a', 'b', 'c'] },
      quorum: { policy: 'majority', lost: 'safe', safe: ON },
      maxAge: '20s',
    });
    const recording = ['a', 'b', 'c'].map((device) => reading(device, 0, 400));
    expect(summaryOf(run(safe, recording, 60))).toEqual([
      [0, false, 'first'],
      [20.001, true, 'lost'],
    ]);
  });

  it('evaluates simultaneous votes in one round', () => {
    const recording = ['a', 'b', 'c'].flatMap((device) => [
      reading(device, 0, 400),
      reading(device, 0.01, 200),
    ]);
    expect(summaryOf(run(rule, recording, 1))).toEqual([
      [0, false, 'first'],
      [0.1, true, 'change'],
    ]);
  });
});

const times = fc.constantFrom('0s', '1s', '5s', '20s');
const conditions = fc.constantFrom<Partial<RuleInput>>(
  { when: 'light < 300' },
  { when: 'light < 300', clear: 'light > 330' },
  { when: 'window.avg("light", "1m") < 300', clear: 'window.avg("light", "1m") > 320.5' },
  { when: 'light < last.light - 20' },
  { when: '1000 / (light - 300) < 0' },
  { when: 'window.zscore("light", "5m") > 1.5 || window.rate("light", "20s") > 10' },
  { when: undefined, absence: { after: '10s' } },
  { quorum: { policy: 'majority', lost: 'safe', safe: { led_on: 'dim' } }, target: { devices: ['lamp'] } },
  { quorum: { policy: 'atLeast', count: 2, lost: 'release' }, clear: 'light > 330' },
  { quorum: { policy: 'median', of: 'light' }, when: 'value < 300', clear: 'value > 330' },
);
const rules: fc.Arbitrary<CompiledRule> = fc
  .tuple(
    conditions,
    fc.record({
      hold: times,
      dwell: times,
      cooldown: times,
      settle: times,
      maxAge: fc.constantFrom('5s', '30s'),
      quiet: fc.constantFrom(undefined, { from: '12:01', to: '12:03' }),
      run: fc.constantFrom(undefined, { seconds: '4', max: '1m' }),
      mode: fc.constantFrom('change' as const, 'every' as const),
    }),
  )
  .map(([condition, more]) =>
    ruleOf({
      ...more,
      ...condition,
      ...((more.run !== undefined || condition.quorum !== undefined) && { mode: 'change' }),
    }),
  );
const recordings: fc.Arbitrary<RecordedReading[]> = fc
  .array(
    fc.record({
      device: fc.constantFrom('a', 'b', 'c'),
      seconds: fc.integer({ min: 0, max: 400 }),
      light: fc.oneof(fc.integer({ min: 0, max: 1023 }), fc.integer({ min: 280, max: 345 })),
    }),
    { maxLength: 80 },
  )
  .map((all) => all.map(({ device, seconds, light }) => reading(device, seconds, light)));

describe('simulate with any rule and recording', () => {
  it('is deterministic', () => {
    fc.assert(
      fc.property(rules, recordings, (rule, recording) => {
        const [present, candidate] = [
          run(rule, recording, 500),
          run({ ...rule, version: 8 }, recording, 500),
        ];
        expect(diffCommands(present, candidate)).toEqual({ same: present.length, changes: [] });
      }),
      { numRuns: 150 },
    );
  });

  it('records evidence that reproduces each command and its explanation', () => {
    fc.assert(
      fc.property(rules, recordings, (rule, recording) => {
        const options = { fleet: 'demo', until: START + 500_000, traced: true };
        for (const { command, trace, evidence } of simulate(rule, recording, options)) {
          if (command === undefined) continue;
          const recorded = JSON.parse(JSON.stringify(evidence())) as Evidence;
          const replayed = isGroupEvidence(recorded) ? replayGroup(rule, recorded) : replay(rule, recorded);
          expect(replayed.evaluated.emit).toEqual(command.action);
          expect(replayed.trace).toEqual(trace);
          expect(explain(replayed.trace)).toEqual(explain(trace!));
        }
      }),
      { numRuns: 150 },
    );
  });
});
