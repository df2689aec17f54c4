// biome-ignore-all lint/suspicious/noThenProperty: `then` is a key of the rule's document

import type { RuleState } from '../../context/rule-state.js';
import type { Trace } from '../../context/trace.js';
import { evaluate } from '../../evaluate/evaluate.js';
import { explain } from '../../explanation/explain.js';
import type { GroupState } from '../../quorum/quorum-group.js';
import { reassertTarget } from '../../quorum/quorum-target.js';
import { compileRule } from '../../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../../rule/rule.js';

const START = Date.UTC(2026, 10, 22, 12);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const ON = { led_on: true };
const OFF = { led_on: false };

const ruleOf = (changes: Partial<RuleInput> = {}) =>
  compileRule(ruleSchema.parse({ id: 'dark', when: 'light < 300', then: ON, else: OFF, ...changes }), 1, 1);

/** A device that announces its starts and answers, under a rule, on a clock of its own. */
function lampUnder(changes: Partial<RuleInput> = {}) {
  const rule = ruleOf(changes);
  let now = START;
  let startedAt = START;
  let state: RuleState | undefined;
  let trace: Trace = [];
  return {
    restarts(afterMs: number) {
      now += afterMs;
      startedAt = now;
    },
    /** It sends a reading after some time; what it is commanded. */
    sends(reading: Record<string, boolean | number>, afterMs = SECOND) {
      now += afterMs;
      trace = [];
      const device = { address: { fleet: 'f', device: 'lamp' }, answers: true, lesson: false, startedAt };
      const observation = { trigger: 'reading', reading, ageMs: 0, heardAt: now } as const;
      const evaluated = evaluate(rule, state, observation, device, now, trace);
      state = evaluated.state && JSON.parse(JSON.stringify(evaluated.state));
      return evaluated.emit;
    },
    why: () => explain(trace),
    state: () => state,
  };
}

describe('a device that restarts', () => {
  it.each([
    ['raised', { light: 100 }, ON],
    ['lowered', { light: 900 }, OFF],
  ])('is commanded again with its first reading what its rule holds: %s', (_, reading, action) => {
    const { sends, restarts } = lampUnder();
    expect([sends(reading), sends(reading), sends(reading, 10 * MINUTE)]).toEqual([
      action,
      undefined,
      undefined,
    ]);
    restarts(MINUTE);
    expect([sends(reading), sends(reading), sends(reading, 10 * MINUTE)]).toEqual([
      action,
      undefined,
      undefined,
    ]);
  });

  it('is commanded nothing if its first reading agrees, nor afterwards', () => {
    const { sends, restarts } = lampUnder();
    sends({ light: 100 });
    restarts(MINUTE);
    expect([sends({ light: 100, ...ON }), sends({ light: 100 }), sends({ light: 100 })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is commanded at once if its first reading differs', () => {
    const { sends, restarts } = lampUnder();
    sends({ light: 100 });
    restarts(2 * SECOND);
    expect(sends({ light: 100, ...OFF })).toEqual(ON);
  });

  it('often is commanded at most every `reassert`, and is not forgotten', () => {
    const { sends, restarts } = lampUnder({ reassert: '1m' });
    sends({ light: 100 });
    restarts(SECOND);
    expect(sends({ light: 100 })).toEqual(ON);
    const told: number[] = [];
    for (let second = 0; second < 240; second += 2) {
      restarts(SECOND);
      if (sends({ light: 100 }) !== undefined) told.push(second);
    }
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.length).toBeLessThanOrEqual(4);
  });

  it('is left alone by a rule that says never, and in quiet hours until they end', () => {
    const never = lampUnder({ reassert: 'never' });
    never.sends({ light: 100 });
    never.restarts(MINUTE);
    expect(never.sends({ light: 100 })).toBeUndefined();
    const quiet = lampUnder({ quiet: { from: '12:30', to: '13:30', timeZone: 'UTC' } });
    quiet.sends({ light: 100 });
    quiet.restarts(45 * MINUTE);
    expect([quiet.sends({ light: 100 }), quiet.sends({ light: 100 }, 50 * MINUTE)]).toEqual([undefined, ON]);
  });

  it('is commanded again also where a rule answers every reading that has moved', () => {
    const { sends, restarts } = lampUnder({ mode: 'every', deadband: { of: 'light', by: 10 } });
    expect([sends({ light: 100 }), sends({ light: 101 })]).toEqual([ON, undefined]);
    restarts(MINUTE);
    expect([sends({ light: 101 }), sends({ light: 101 })]).toEqual([ON, undefined]);
  });

  it('is told why', () => {
    const { sends, restarts, why } = lampUnder();
    sends({ light: 100 });
    restarts(MINUTE);
    sends({ light: 100 });
    expect(why()).toContain(
      'the device had restarted since the last command, 61 s ago, and reported nothing of it',
    );
  });

  it('as the target of a quorum is commanded what its group has decided', () => {
    const rule = ruleOf({
      quorum: { policy: 'majority' },
      target: { devices: ['north'] },
      reassert: '1m',
    });
    const group: GroupState = {
      since: 1,
      begun: START,
      rule: { since: 1, raised: true, at: START, emittedAt: START },
      toldAt: START,
    };
    const at = (now: number, reading: object, memory: RuleState | undefined, startedAt: number) =>
      reassertTarget(rule, group, memory, { reading: { ...reading }, ageMs: 0, device: { startedAt } }, now);
    const restartedAt = START + MINUTE;
    expect(at(START + SECOND, {}, undefined, START)).toEqual({ state: undefined });
    const again = at(restartedAt + SECOND, {}, undefined, restartedAt);
    expect(again).toMatchObject({ emit: ON, raise: true, restartedAt });
    expect(at(restartedAt + 2 * SECOND, {}, again.state, restartedAt).emit).toBeUndefined();
    const agreed = at(restartedAt + SECOND, ON, undefined, restartedAt);
    expect(agreed).toMatchObject({ state: { told: restartedAt } });
    expect(at(restartedAt + 2 * SECOND, {}, agreed.state, restartedAt).emit).toBeUndefined();
  });
});
