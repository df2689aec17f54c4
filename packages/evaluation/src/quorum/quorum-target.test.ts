// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import fc from 'fast-check';
import { MAX_REASSERT_MS } from '../clauses/commands/reassert.js';
import type { RuleState } from '../context/rule-state.js';
import { explain } from '../explanation/explain.js';
import { compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { isGroupEvidence, isTargetEvidence, replayTarget, targetEvidenceOf } from './quorum-evidence.js';
import { evaluateGroup, type GroupState, SAFE_LEAST_MS } from './quorum-group.js';
import { reassertTarget } from './quorum-target.js';

const ON = { led_on: true };
const OFF = { led_on: false };
const SAFE = { led_on: true, level: 20 };
const START = Date.UTC(2026, 10, 22, 12);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const COMMANDED: GroupState = {
  since: 1,
  begun: START - HOUR,
  rule: { since: 1, raised: true, at: START, emittedAt: START },
  toldAt: START,
};

const ruleOf = (changes: Partial<RuleInput> = {}) =>
  compileRule(
    ruleSchema.parse({
      id: 'stadium',
      when: 'light < 300',
      quorum: { policy: 'majority', lost: 'safe', safe: SAFE },
      target: { devices: ['north'] },
      then: ON,
      else: OFF,
      reassert: '10s',
      ...changes,
    }),
    1,
    1,
  );

/** A target of a group, with a clock. */
function target(rule = ruleOf(), initialGroup = COMMANDED) {
  let now = START;
  let memory: RuleState | undefined;
  return {
    memory: () => memory,
    /** Sends a reading after some time; returns the action that the target gets. */
    send(
      reading: Record<string, boolean | number>,
      afterMs: number,
      { group = initialGroup, ageMs = 0 } = {},
    ) {
      now += afterMs;
      const { state, emit } = reassertTarget(rule, group, memory, { reading, ageMs }, now);
      memory = state && JSON.parse(JSON.stringify(state));
      return emit;
    },
  };
}

describe('reassertTarget', () => {
  it('sends the command again while the target reports a different value, with spacing that doubles up to an hour', () => {
    const { send } = target();
    const seconds: number[] = [];
    for (let second = 1; second <= 4 * 3600; second += 1)
      if (send(OFF, SECOND) !== undefined) seconds.push(second);
    const spacings = seconds.map((second, i) => second - (seconds[i - 1] ?? 0));
    expect(spacings.slice(0, 10)).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
    expect(Math.max(...spacings)).toBe(MAX_REASSERT_MS / SECOND);
  });

  it('resets the spacing once the target has agreed for that long', () => {
    const { send, memory } = target();
    expect([send(OFF, 10 * SECOND), send(OFF, 20 * SECOND)]).toEqual([ON, ON]);
    expect(memory()).toMatchObject({ at: START, emittedAt: START + 30 * SECOND, repeats: 2 });
    expect(send(ON, 39 * SECOND)).toBeUndefined();
    expect(memory()).toMatchObject({ repeats: 2 });
    expect([send(ON, SECOND), memory()]).toEqual([undefined, undefined]);
    expect(send(OFF, SECOND)).toEqual(ON);
  });

  it('keeps increasing the spacing where another rule keeps commanding the opposite', () => {
    const { send } = target();
    const seconds: number[] = [];
    for (let second = 1; second <= 3600; second += 1)
      if (send(second % 2 === 0 ? ON : OFF, SECOND) !== undefined) seconds.push(second);
    expect(seconds).toEqual([11, 31, 71, 151, 311, 631, 1271, 2551]);
  });

  it('does not command a target that reports none of the keys, and keeps its state', () => {
    const { send, memory } = target();
    expect(send({ light: 5 }, HOUR)).toBeUndefined();
    expect(send(OFF, SECOND)).toEqual(ON);
    expect(send({ light: 5 }, HOUR)).toBeUndefined();
    expect(memory()).toMatchObject({ repeats: 1 });
  });

  it('resets the spacing with the next decision', () => {
    const { send } = target();
    send(OFF, 10 * SECOND);
    send(OFF, 20 * SECOND);
    const at = START + 31 * SECOND;
    const group = { ...COMMANDED, toldAt: at, rule: { since: 1, raised: false, at, emittedAt: at } };
    expect(send(ON, 2 * SECOND, { group })).toBeUndefined();
    expect(send(ON, 9 * SECOND, { group })).toEqual(OFF);
  });

  it('commands the safe action while it is in force', () => {
    const { send } = target(ruleOf(), { ...COMMANDED, lostAt: START, safeAt: START });
    expect(send({ led_on: true, level: 90 }, 10 * SECOND)).toEqual(SAFE);
    expect(send({ led_on: true, level: 20 }, HOUR)).toBeUndefined();
  });

  it('re-asserts a lowered verdict in quiet hours, but not a raised one', () => {
    const rule = ruleOf({ quiet: { from: '11:00', to: '13:00' } });
    const lowered = { ...COMMANDED, rule: { ...COMMANDED.rule!, raised: false } };
    expect(target(rule).send(OFF, 30 * MINUTE)).toBeUndefined();
    expect(target(rule).send(OFF, 61 * MINUTE)).toEqual(ON);
    expect(target(rule, lowered).send(ON, 30 * MINUTE)).toEqual(OFF);
  });

  it.each<[what: string, rule: Partial<RuleInput>, group: Partial<GroupState>]>([
    ['reassert is "never"', { reassert: 'never' }, {}],
    ['the rule is disabled', { enabled: false }, {}],
    ['the settle time is not over', { settle: '2h' }, {}],
    ['the group state belongs to another version', {}, { since: 2 }],
    ['no command has been sent', {}, { toldAt: undefined }],
    ['the first verdict is delayed', {}, { rule: { ...COMMANDED.rule!, first: true } }],
    ['the rule is cut', {}, { rule: { ...COMMANDED.rule!, cut: START + HOUR + 30 * SECOND } }],
    [
      'a run is over',
      { run: { seconds: '5', max: '1m' } },
      { rule: { ...COMMANDED.rule!, runUntil: START + 5000 } },
    ],
    ['the rule has no else', { else: undefined }, { rule: { ...COMMANDED.rule!, raised: false } }],
  ])('commands nothing if %s', (_what, rule, group) => {
    const { send } = target(ruleOf(rule), { ...COMMANDED, ...group });
    expect(send({ led_on: 'broken' as never }, HOUR)).toBeUndefined();
  });

  it('ignores readings that are too old or were taken before the command', () => {
    const { send } = target();
    expect(send(OFF, 12 * SECOND, { ageMs: 31 * SECOND })).toBeUndefined();
    expect(send(OFF, SECOND, { ageMs: 5 * SECOND })).toBeUndefined();
    expect(send(OFF, SECOND, { ageMs: 4 * SECOND })).toEqual(ON);
  });

  it('does not wait after the clock was set back', () => {
    expect(target(ruleOf(), { ...COMMANDED, toldAt: START + HOUR }).send(OFF, SECOND)).toEqual(ON);
  });
});

it('evaluateGroup records when the targets were last sent a command', () => {
  const rule = ruleOf({ scope: { devices: ['a'] }, maxAge: '10s' });
  const votesAt = (receivedAt: number) => [{ device: 'a', value: 1, receivedAt, since: 1 }];
  const evaluateAt = (state: GroupState | undefined, now: number, heardAt: number) =>
    evaluateGroup(rule, state, votesAt(heardAt), { fleet: 'f', trigger: 'timer', now, listeningSince: 0 })!;
  const lit = evaluateAt(undefined, START, START);
  const unchanged = evaluateAt(lit.state, START + SECOND, START + SECOND);
  const lost = evaluateAt(unchanged.state, START + 20 * SECOND, START + SECOND);
  const backAt = START + 20 * SECOND + SAFE_LEAST_MS;
  const found = evaluateAt(lost.state, backAt, backAt);
  expect([lit, unchanged, lost, found].map(({ emit, state }) => [emit, state.toldAt! - START])).toEqual([
    [ON, 0],
    [undefined, 0],
    [SAFE, 20 * SECOND],
    [ON, backAt - START],
  ]);
});

it('replayTarget reproduces every re-assertion from its evidence', () => {
  const report = fc.record({
    reading: fc.dictionary(fc.constantFrom('led_on', 'level', 'light'), fc.oneof(fc.boolean(), fc.nat(40)), {
      noNullPrototype: true,
    }),
    after: fc.constantFrom(100, 5000, 10_000, 30_000, HOUR),
    ageMs: fc.constantFrom(0, 2000),
  });
  const group = fc.constantFrom<GroupState>(
    COMMANDED,
    { ...COMMANDED, rule: { ...COMMANDED.rule!, raised: false } },
    { ...COMMANDED, safeAt: START },
  );
  const rule = ruleOf({ quiet: { from: '15:00', to: '16:00' } });
  const facts = { address: { fleet: 'arena', device: 'north' }, acknowledges: true, lesson: false };
  fc.assert(
    fc.property(group, fc.array(report, { maxLength: 20 }), (groupState, reports) => {
      let now = START;
      let memory: RuleState | undefined;
      for (const { reading, after, ageMs } of reports) {
        now += after;
        const observation = { trigger: 'reading', reading, ageMs, heardAt: now } as const;
        const trace: object[] = [];
        const { state, emit, raise } = reassertTarget(
          rule,
          groupState,
          memory,
          observation,
          now,
          trace as never,
        );
        if (emit !== undefined) {
          const evidence = targetEvidenceOf(rule, groupState, memory, observation, facts, emit, now);
          const recorded = JSON.parse(JSON.stringify(evidence)) as typeof evidence;
          expect([isTargetEvidence(recorded), isGroupEvidence(recorded)]).toEqual([true, false]);
          const replayed = replayTarget(rule, recorded);
          expect(replayed).toEqual({ evaluated: { state, emit, raise }, trace });
        }
        memory = state;
      }
    }),
  );
});

it('sends the command to a target again after a restart', () => {
  const rule = ruleOf({ reassert: '1m' });
  const restartedAt = START + MINUTE;
  const sendAt = (now: number, reading: object, memory: RuleState | undefined, startedAt: number) =>
    reassertTarget(
      rule,
      COMMANDED,
      memory,
      { reading: { ...reading }, ageMs: 0, device: { startedAt } },
      now,
    );
  expect(sendAt(START + SECOND, {}, undefined, START)).toEqual({ state: undefined });
  const again = sendAt(restartedAt + SECOND, {}, undefined, restartedAt);
  expect(again).toMatchObject({ emit: ON, raise: true, restartedAt });
  expect(sendAt(restartedAt + 2 * SECOND, {}, again.state, restartedAt).emit).toBeUndefined();
  const agreed = sendAt(restartedAt + SECOND, ON, undefined, restartedAt);
  expect(agreed).toMatchObject({ state: { told: restartedAt } });
  expect(sendAt(restartedAt + 2 * SECOND, {}, agreed.state, restartedAt).emit).toBeUndefined();
});

it('explains a re-assertion', () => {
  const trace: never[] = [];
  reassertTarget(
    ruleOf(),
    COMMANDED,
    undefined,
    { reading: { led_on: false, light: 3 }, ageMs: 0 },
    START + 65_000,
    trace,
  );
  expect(explain(trace)).toEqual([
    'the device reported that led_on was false, and the last command was sent 65 s ago, more than 10 s',
    'the rule was raised as before, so {"led_on":true} was sent again',
  ]);
});
