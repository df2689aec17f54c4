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
const TOLD: GroupState = {
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

/** A target of a group, on a clock of its own. */
function target(rule = ruleOf(), standing = TOLD) {
  let now = START;
  let memory: RuleState | undefined;
  return {
    memory: () => memory,
    /** It reports after some time; what it is told. */
    reports(
      reading: Record<string, boolean | number>,
      afterMs: number,
      { group = standing, ageMs = 0 } = {},
    ) {
      now += afterMs;
      const { state, emit } = reassertTarget(rule, group, memory, { reading, ageMs }, now);
      memory = state && JSON.parse(JSON.stringify(state));
      return emit;
    },
  };
}

describe('a target of a quorum', () => {
  it('that reports otherwise is told again when its time has come, then after twice that, up to an hour', () => {
    const { reports } = target();
    const told: number[] = [];
    for (let second = 1; second <= 4 * 3600; second += 1)
      if (reports(OFF, SECOND) !== undefined) told.push(second);
    const spacings = told.map((second, i) => second - (told[i - 1] ?? 0));
    expect(spacings.slice(0, 10)).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
    expect(Math.max(...spacings)).toBe(MAX_REASSERT_MS / SECOND);
  });

  it('that has agreed for as long is forgotten, and begins with the first time when it differs again', () => {
    const { reports, memory } = target();
    expect([reports(OFF, 10 * SECOND), reports(OFF, 20 * SECOND)]).toEqual([ON, ON]);
    expect(memory()).toMatchObject({ at: START, emittedAt: START + 30 * SECOND, repeats: 2 });
    expect(reports(ON, 39 * SECOND)).toBeUndefined();
    expect(memory()).toMatchObject({ repeats: 2 });
    expect([reports(ON, SECOND), memory()]).toEqual([undefined, undefined]);
    expect(reports(OFF, SECOND)).toEqual(ON);
  });

  it('that somebody else keeps commanding the opposite is told ever more seldom', () => {
    const { reports } = target();
    const told: number[] = [];
    for (let second = 1; second <= 3600; second += 1)
      if (reports(second % 2 === 0 ? ON : OFF, SECOND) !== undefined) told.push(second);
    expect(told).toEqual([11, 31, 71, 151, 311, 631, 1271, 2551]);
  });

  it('that says nothing of what it was told is left alone, and nothing is forgotten', () => {
    const { reports, memory } = target();
    expect(reports({ light: 5 }, HOUR)).toBeUndefined();
    expect(reports(OFF, SECOND)).toEqual(ON);
    expect(reports({ light: 5 }, HOUR)).toBeUndefined();
    expect(memory()).toMatchObject({ repeats: 1 });
  });

  it('begins anew with the next decision', () => {
    const { reports } = target();
    reports(OFF, 10 * SECOND);
    reports(OFF, 20 * SECOND);
    const at = START + 31 * SECOND;
    const group = { ...TOLD, toldAt: at, rule: { since: 1, raised: false, at, emittedAt: at } };
    expect(reports(ON, 2 * SECOND, { group })).toBeUndefined();
    expect(reports(ON, 9 * SECOND, { group })).toEqual(OFF);
  });

  it('is told what is safe while that stands', () => {
    const { reports } = target(ruleOf(), { ...TOLD, lostAt: START, safeAt: START });
    expect(reports({ led_on: true, level: 90 }, 10 * SECOND)).toEqual(SAFE);
    expect(reports({ led_on: true, level: 20 }, HOUR)).toBeUndefined();
  });

  it('is not told what was raised in quiet hours, but what was lowered', () => {
    const rule = ruleOf({ quiet: { from: '11:00', to: '13:00' } });
    const lowered = { ...TOLD, rule: { ...TOLD.rule!, raised: false } };
    expect(target(rule).reports(OFF, 30 * MINUTE)).toBeUndefined();
    expect(target(rule).reports(OFF, 61 * MINUTE)).toEqual(ON);
    expect(target(rule, lowered).reports(ON, 30 * MINUTE)).toEqual(OFF);
  });

  it.each<[what: string, rule: Partial<RuleInput>, group: Partial<GroupState>]>([
    ['the rule does not want it', { reassert: 'never' }, {}],
    ['the rule is off', { enabled: false }, {}],
    ['things have not settled', { settle: '2h' }, {}],
    ['the group was decided by another version', {}, { since: 2 }],
    ['nothing was commanded yet', {}, { toldAt: undefined }],
    ['the first verdict is still waiting', {}, { rule: { ...TOLD.rule!, first: true } }],
    ['the rule is cut', {}, { rule: { ...TOLD.rule!, cut: START + HOUR + 30 * SECOND } }],
    [
      'a run is over',
      { run: { seconds: '5', max: '1m' } },
      { rule: { ...TOLD.rule!, runUntil: START + 5000 } },
    ],
    ['nothing is to be done', { else: undefined }, { rule: { ...TOLD.rule!, raised: false } }],
  ])('is told nothing when %s', (_what, rule, group) => {
    const { reports } = target(ruleOf(rule), { ...TOLD, ...group });
    expect(reports({ led_on: 'broken' as never }, HOUR)).toBeUndefined();
  });

  it('is not reproached with a reading that is too old, or was taken before', () => {
    const { reports } = target();
    expect(reports(OFF, 12 * SECOND, { ageMs: 31 * SECOND })).toBeUndefined();
    expect(reports(OFF, SECOND, { ageMs: 5 * SECOND })).toBeUndefined();
    expect(reports(OFF, SECOND, { ageMs: 4 * SECOND })).toEqual(ON);
  });

  it('does not wait for a clock that was set back', () => {
    expect(target(ruleOf(), { ...TOLD, toldAt: START + HOUR }).reports(OFF, SECOND)).toEqual(ON);
  });
});

it('a group remembers when its targets were last commanded: by a verdict, what is safe, and what follows that', () => {
  const rule = ruleOf({ scope: { devices: ['a'] }, maxAge: '10s' });
  const said = (receivedAt: number) => [{ device: 'a', value: 1, receivedAt, since: 1 }];
  const judge = (state: GroupState | undefined, now: number, heardAt: number) =>
    evaluateGroup(rule, state, said(heardAt), { fleet: 'f', trigger: 'timer', now, listeningSince: 0 })!;
  const lit = judge(undefined, START, START);
  const stays = judge(lit.state, START + SECOND, START + SECOND);
  const lost = judge(stays.state, START + 20 * SECOND, START + SECOND);
  const backAt = START + 20 * SECOND + SAFE_LEAST_MS;
  const found = judge(lost.state, backAt, backAt);
  expect([lit, stays, lost, found].map(({ emit, state }) => [emit, state.toldAt! - START])).toEqual([
    [ON, 0],
    [undefined, 0],
    [SAFE, 20 * SECOND],
    [ON, backAt - START],
  ]);
});

it('every repetition can be replayed from its evidence: the same action by the same steps', () => {
  const report = fc.record({
    reading: fc.dictionary(fc.constantFrom('led_on', 'level', 'light'), fc.oneof(fc.boolean(), fc.nat(40)), {
      noNullPrototype: true,
    }),
    after: fc.constantFrom(100, 5000, 10_000, 30_000, HOUR),
    ageMs: fc.constantFrom(0, 2000),
  });
  const group = fc.constantFrom<GroupState>(
    TOLD,
    { ...TOLD, rule: { ...TOLD.rule!, raised: false } },
    { ...TOLD, safeAt: START },
  );
  const rule = ruleOf({ quiet: { from: '15:00', to: '16:00' } });
  const facts = { address: { fleet: 'arena', device: 'north' }, answers: true, lesson: false };
  fc.assert(
    fc.property(group, fc.array(report, { maxLength: 20 }), (standing, reports) => {
      let now = START;
      let memory: RuleState | undefined;
      for (const { reading, after, ageMs } of reports) {
        now += after;
        const observation = { trigger: 'reading', reading, ageMs, heardAt: now } as const;
        const trace: object[] = [];
        const { state, emit, raise } = reassertTarget(
          rule,
          standing,
          memory,
          observation,
          now,
          trace as never,
        );
        if (emit !== undefined) {
          const evidence = targetEvidenceOf(rule, standing, memory, observation, facts, emit, now);
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

it('is explained', () => {
  const trace: never[] = [];
  reassertTarget(
    ruleOf(),
    TOLD,
    undefined,
    { reading: { led_on: false, light: 3 }, ageMs: 0 },
    START + 65_000,
    trace,
  );
  expect(explain(trace)).toEqual([
    'the device reported led_on was false, and was commanded 65 s ago, longer than 10 s',
    'the rule was raised as before, so {"led_on":true} was commanded again',
  ]);
});
