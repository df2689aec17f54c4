import fc from 'fast-check';
import { compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { type Vote, voteOf } from './quorum.js';
import { groupEvidenceOf, replayGroup } from './quorum-evidence.js';
import {
  type EvaluatedGroup,
  evaluateGroup,
  type GroupState,
  isExpiredVote,
  parseGroupState,
  SAFE_LEAST_MS,
} from './quorum-group.js';

const ON = { led_on: true };
const OFF = { led_on: false };
const SAFE = { led_on: true, level: 20 };
const SENSORS = ['a', 'b', 'c', 'd', 'e'];
const START = 1_000_000;
const MAX_AGE = 10_000;

const ruleOf = (changes: Partial<RuleInput> = {}, since = 1) =>
  compileRule(
    ruleSchema.parse({
      id: 'stadium',
      scope: { devices: SENSORS },
      when: 'light < 300',
      clear: 'light > 330',
      maxAge: '10s',
      quorum: { policy: 'majority' },
      then: ON,
      else: OFF,
      ...changes,
    }),
    since,
    since,
  );

/** A group with a clock. */
function group(rule = ruleOf()) {
  let now = START;
  let state: GroupState | undefined;
  let votes: Vote[] = [];
  const last: { evaluated?: EvaluatedGroup } = {};
  const evaluate = (trigger: 'reading' | 'timer', currentRule = rule, listeningSince = 0) => {
    const evaluated = evaluateGroup(currentRule, state, votes, {
      fleet: 'arena',
      trigger,
      now,
      listeningSince,
    });
    if (evaluated !== undefined) {
      last.evaluated = evaluated;
      // The stored state is JSON.
      state = JSON.parse(JSON.stringify(evaluated.state)) as GroupState;
    }
    return evaluated?.emit;
  };
  return {
    last,
    allVotes: () => votes,
    /** Casts votes after some time; returns the action that the group commands. */
    vote(cast: Record<string, number | boolean>, afterMs = 1000) {
      now += afterMs;
      for (const [device, value] of Object.entries(cast)) {
        votes = votes.filter((known) => known.device !== device);
        votes.push({ device, value: Number(value), receivedAt: now, since: rule.since });
      }
      return evaluate('reading');
    },
    /** Advances the clock and fires due timers; returns the emitted actions. */
    wait(ms: number) {
      const until = now + ms;
      const emitted: unknown[] = [];
      for (
        let wake = last.evaluated?.wakeAt;
        wake !== undefined && wake <= until;
        wake = last.evaluated?.wakeAt
      ) {
        expect(wake).toBeGreaterThan(now);
        now = wake;
        const emit = evaluate('timer');
        if (emit !== undefined) emitted.push(emit);
      }
      now = until;
      return emitted;
    },
    evaluate,
  };
}

const all = (value: boolean | number) => Object.fromEntries(SENSORS.map((device) => [device, value]));

describe('evaluateGroup', () => {
  it('commands when the majority changes', () => {
    const { vote } = group();
    expect(vote({ a: true })).toBeUndefined(); // one of five is not a quorum
    expect(vote({ b: true })).toBeUndefined();
    expect(vote({ c: true })).toEqual(ON);
    expect(vote({ d: true, e: true })).toBeUndefined();
    expect(vote({ a: false, b: false })).toBeUndefined();
    expect(vote({ c: false })).toEqual(OFF);
  });

  it('ignores a single outlier', () => {
    const { vote } = group();
    expect(vote(all(false))).toEqual(OFF);
    for (const sensor of SENSORS) {
      expect(vote({ [sensor]: true })).toBeUndefined();
      expect(vote({ [sensor]: false })).toBeUndefined();
    }
  });

  it('applies hold as for any rule', () => {
    const { vote, wait } = group(ruleOf({ hold: '5s', maxAge: '1m' }));
    expect(vote(all(false))).toEqual(OFF);
    expect(vote(all(true))).toBeUndefined();
    expect(vote(all(false), 4000)).toBeUndefined(); // shorter than the hold
    expect(wait(20_000)).toEqual([]);
    expect(vote(all(true))).toBeUndefined();
    expect(wait(5000)).toEqual([ON]);
  });

  it('keeps the verdict while the votes are tied', () => {
    const { vote } = group(ruleOf({ scope: { devices: ['a', 'b', 'c', 'd'] } }));
    expect(vote({ a: true, b: true, c: true, d: false })).toEqual(ON);
    expect(vote({ c: false })).toBeUndefined();
    expect(vote({ a: true })).toBeUndefined();
    expect(vote({ b: false })).toEqual(OFF);
  });

  it('applies hysteresis to the median, whatever a single sensor reports', () => {
    const { vote } = group(
      ruleOf({ quorum: { policy: 'median', of: 'light' }, when: 'value < 300', clear: 'value > 330' }),
    );
    expect(vote(all(299))).toEqual(ON);
    expect(vote({ ...all(320), a: 1023 })).toBeUndefined();
    expect(vote({ ...all(331), a: 0 })).toEqual(OFF);
    expect(vote({ ...all(320), a: -9e9 })).toBeUndefined();
    expect(vote({ ...all(299), a: 9e9 })).toEqual(ON);
  });

  it('reports a failed condition and keeps the verdict', () => {
    const { vote, last } = group(
      ruleOf({ quorum: { policy: 'median', of: 'light' }, when: '1.0 / value < 0.01', clear: undefined }),
    );
    expect(vote(all(1000))).toEqual(ON);
    expect(vote(all(0))).toBeUndefined();
    expect(last.evaluated).toMatchObject({ result: 'error', error: expect.stringMatching(/./) });
    expect(vote(all(1))).toEqual(OFF);
  });
});

describe('evaluateGroup with silent sensors', () => {
  it('drops stale votes by timer, and the remaining ones decide', () => {
    const { vote, wait } = group();
    vote({ a: true, b: true, c: false, d: false, e: false });
    vote({ a: true, b: true, c: false }, 9000);
    expect(wait(5000)).toEqual([ON]); // two of the three fresh votes
  });

  it('keeps the verdict with `hold`', () => {
    const { vote, wait, last } = group();
    expect(vote(all(true))).toEqual(ON);
    expect(wait(60_000)).toEqual([]);
    expect(last.evaluated!.tally).toMatchObject({ outcome: 'lost', fresh: 0, stale: 5 });
    expect(last.evaluated!.state.lostAt).toBe(START + 1000 + MAX_AGE + 1);
    expect(vote(all(true))).toBeUndefined();
    expect(last.evaluated!.state.lostAt).toBeUndefined();
  });

  it('lowers the verdict with `release`', () => {
    const { vote, wait } = group(ruleOf({ quorum: { policy: 'majority', lost: 'release' } }));
    expect(vote(all(true))).toEqual(ON);
    expect(wait(MAX_AGE)).toEqual([]);
    expect(wait(1)).toEqual([OFF]);
    expect(vote(all(true))).toEqual(ON);
  });

  it('sends the safe action once with `safe`, and then the action of the verdict, even if unchanged', () => {
    const { vote, wait } = group(ruleOf({ quorum: { policy: 'majority', lost: 'safe', safe: SAFE } }));
    expect(vote(all(false))).toEqual(OFF);
    expect(wait(3 * MAX_AGE)).toEqual([SAFE]);
    expect(vote({ a: false, b: false })).toBeUndefined();
    expect(vote({ c: false })).toEqual(OFF);
    expect(vote({ d: false })).toBeUndefined();
  });

  it('keeps the safe action for a minimum time, so that targets do not flicker', () => {
    const { vote, wait } = group(
      ruleOf({ quorum: { policy: 'majority', lost: 'safe', safe: SAFE }, maxAge: '1m' }),
    );
    vote(all(true));
    expect(wait(60_001)).toEqual([SAFE]);
    expect(vote(all(true))).toBeUndefined();
    expect(wait(SAFE_LEAST_MS - 1001)).toEqual([]);
    expect(wait(1)).toEqual([ON]);
  });

  it('ends a run in time despite the safe action', () => {
    const runs = {
      run: { seconds: '30', max: '1m' },
      clear: undefined,
      then: { pump: true },
      else: { pump: false },
    };
    const quorum = { policy: 'majority', lost: 'safe' } as const;
    const alarm = group(ruleOf({ ...runs, quorum: { ...quorum, safe: { alarm: true } } }));
    expect(alarm.vote(all(true))).toEqual({ pump: true });
    expect(alarm.wait(29_999)).toEqual([{ alarm: true }]);
    expect(alarm.wait(1)).toEqual([{ pump: false }]);
    expect(alarm.last.evaluated).toMatchObject({ reason: 'run_over', state: { safeAt: START + 11_001 } });
    expect(alarm.wait(60_000)).toEqual([]);
    // A safe action for the pump itself replaces the end of the run.
    const instead = group(ruleOf({ ...runs, quorum: { ...quorum, safe: { pump: 'slow' } } }));
    instead.vote(all(true));
    expect(instead.wait(120_000)).toEqual([{ pump: 'slow' }]);
  });

  it('loses the quorum after maxAge if no expected sensor has reported', () => {
    const { evaluate, wait } = group(ruleOf({ quorum: { policy: 'majority', lost: 'safe', safe: SAFE } }));
    expect(evaluate('reading')).toBeUndefined();
    expect(wait(MAX_AGE - 1)).toEqual([]);
    expect(wait(1)).toEqual([SAFE]);
  });

  it('does not count silence during an interruption of listening', () => {
    const rule = ruleOf({ quorum: { policy: 'majority', lost: 'release' } });
    const { vote, last, allVotes } = group(rule);
    expect(vote(all(true))).toEqual(ON);
    const now = START + 3_600_000;
    const moment = { fleet: 'arena', trigger: 'timer', now, listeningSince: now } as const;
    const gathering = evaluateGroup(rule, last.evaluated!.state, allVotes(), moment)!;
    expect(gathering).toMatchObject({
      emit: undefined,
      tally: { outcome: 'gathering', stale: 5 },
      wakeAt: now + MAX_AGE,
    });
    const later = { ...moment, now: now + MAX_AGE };
    expect(evaluateGroup(rule, gathering.state, allVotes(), later)).toMatchObject({
      emit: OFF,
      tally: { outcome: 'lost' },
    });
  });

  it('drops the vote of a sensor after a day of silence', () => {
    const vote: Vote = { device: 'a', value: 1, receivedAt: START, since: 1 };
    expect(isExpiredVote(ruleOf(), vote, START + 86_400_000)).toBe(false);
    expect(isExpiredVote(ruleOf(), vote, START + 86_400_001)).toBe(true);
    const slow = ruleOf({ maxAge: '1d' });
    expect(isExpiredVote(slow, vote, START + 2 * 86_400_000)).toBe(false);
    expect(isExpiredVote(slow, vote, START + 2 * 86_400_000 + 1)).toBe(true);
    expect(isExpiredVote(ruleOf({}, 2), vote, START)).toBe(true); // a vote on an older rule
    expect(isExpiredVote(ruleOf(), { ...vote, since: 2 }, START)).toBe(false); // this replica has the older rule
  });
});

describe('evaluateGroup after a change of the rule', () => {
  it('starts from scratch without votes', () => {
    const { vote, evaluate, last } = group();
    expect(vote(all(true))).toEqual(ON);
    expect(evaluate('reading', ruleOf({}, 2))).toBeUndefined();
    expect(last.evaluated!.tally).toMatchObject({ outcome: 'gathering', fresh: 0 });
    expect(last.evaluated!.state).toMatchObject({ since: 2, begun: START + 1000 });
  });

  it('ends the run of a disabled rule, but commands nothing else', () => {
    const runs = {
      quorum: { policy: 'majority', lost: 'safe', safe: SAFE } as const,
      run: { seconds: '20', max: '1m' },
      clear: undefined,
    };
    const { vote, evaluate, wait, last } = group(ruleOf(runs));
    expect(vote(all(true))).toEqual(ON);
    const off = ruleOf({ ...runs, enabled: false });
    expect(evaluate('reading', off)).toBeUndefined();
    const moment = { fleet: 'arena', trigger: 'timer', listeningSince: 0 } as const;
    const silent = evaluateGroup(off, last.evaluated!.state, [], { ...moment, now: START + 15_000 })!;
    expect(silent).toMatchObject({ emit: undefined, tally: { outcome: 'lost' } });
    expect(evaluateGroup(off, silent.state, [], { ...moment, now: START + 21_000 })).toMatchObject({
      emit: OFF,
    });
    expect(wait(12_000)).toEqual([SAFE]); // the rule that stayed enabled
  });

  it('returns undefined on a replica that has only the older rule', () => {
    const state: GroupState = { since: 3, begun: START };
    const moment = { fleet: 'arena', trigger: 'reading', now: START, listeningSince: 0 } as const;
    expect(evaluateGroup(ruleOf(), state, [], moment)).toBeUndefined();
  });
});

describe('voteOf', () => {
  it('applies hysteresis per sensor', () => {
    const rule = ruleOf();
    const voteAt = (light: number, previous?: boolean) => voteOf(rule, previous, { reading: { light } });
    expect([voteAt(299), voteAt(300), voteAt(320, true), voteAt(320, false), voteAt(331, true)]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(voteOf(rule, true, { reading: { heat: 1 } })).toBeUndefined();
  });

  it('is a number for a measuring quorum', () => {
    const rule = ruleOf({
      quorum: { policy: 'median', of: 'light * 2' },
      when: 'value < 300',
      clear: undefined,
    });
    expect(voteOf(rule, undefined, { reading: { light: 21 } })).toBe(42);
    expect(voteOf(rule, undefined, { reading: { light: 'dark' } })).toBeUndefined();
  });
});

it('replayGroup reproduces every command from its evidence', () => {
  const step = fc.record({
    lights: fc.dictionary(fc.constantFrom(...SENSORS), fc.integer({ min: 200, max: 400 }), {
      noNullPrototype: true,
    }),
    after: fc.constantFrom(100, 1000, 5000, 11_000, 25_000),
  });
  const policy = fc.constantFrom<RuleInput['quorum']>(
    { policy: 'majority', lost: 'safe', safe: SAFE },
    { policy: 'any', lost: 'release' },
    { policy: 'median', of: 'light', lost: 'safe', safe: SAFE },
    { policy: 'trimmedMean', of: 'light', lost: 'hold' },
  );
  fc.assert(
    fc.property(
      policy,
      fc.array(step, { maxLength: 30 }),
      fc.constantFrom('0s', '2s'),
      (quorum, steps, hold) => {
        const measures = 'of' in quorum!;
        const rule = ruleOf({
          quorum,
          hold,
          ...(measures && { when: 'value < 300', clear: 'value > 330' }),
        });
        const { vote, last, allVotes } = group(rule);
        let now = START;
        for (const { lights, after } of steps) {
          now += after;
          const votes = Object.fromEntries(
            Object.entries(lights).map(([device, light]) => [device, measures ? light : light < 300]),
          );
          const emit = vote(votes, after);
          if (emit === undefined) continue;
          const decided = last.evaluated!;
          const evidence = groupEvidenceOf(rule, decided, allVotes(), {
            fleet: 'arena',
            trigger: 'reading',
            now,
          });
          const { evaluated, trace } = replayGroup(rule, JSON.parse(JSON.stringify(evidence)));
          expect(evaluated.emit).toEqual(emit);
          expect(evaluated.state).toEqual(decided.state);
          expect(trace.at(-1)).toMatchObject({ clause: 'emit', action: emit });
        }
      },
    ),
  );
});

it('parses a stored state, and treats an empty or unreadable one as none', () => {
  const state = { since: 1, begun: 5, toldAt: 7 };
  expect(['', '{broken', JSON.stringify(state)].map(parseGroupState)).toEqual([undefined, undefined, state]);
});
