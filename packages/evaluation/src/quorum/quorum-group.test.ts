import fc from 'fast-check';
import { compileRule } from '../rule/compile-rule.js';
import { type RuleInput, ruleSchema } from '../rule/rule.js';
import { type Vote, voteOf } from './quorum.js';
import { groupEvidenceOf, replayGroup } from './quorum-evidence.js';
import {
  type EvaluatedGroup,
  evaluateGroup,
  type GroupState,
  isForgotten,
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

/** A group on a clock of its own. */
function group(rule = ruleOf()) {
  let now = START;
  let state: GroupState | undefined;
  let votes: Vote[] = [];
  const last: { judged?: EvaluatedGroup } = {};
  const judge = (trigger: 'reading' | 'timer', by = rule, listeningSince = 0) => {
    const judged = evaluateGroup(by, state, votes, { fleet: 'arena', trigger, now, listeningSince });
    if (judged !== undefined) {
      last.judged = judged;
      // What is kept went through JSON.
      state = JSON.parse(JSON.stringify(judged.state)) as GroupState;
    }
    return judged?.emit;
  };
  return {
    last,
    allVotes: () => votes,
    /** These sensors speak, after some time; what the group commands. */
    say(said: Record<string, number | boolean>, afterMs = 1000) {
      now += afterMs;
      for (const [device, value] of Object.entries(said)) {
        votes = votes.filter((vote) => vote.device !== device);
        votes.push({ device, value: Number(value), receivedAt: now, since: rule.since });
      }
      return judge('reading');
    },
    /** Time passes, and the timer calls whenever it is due. */
    wait(ms: number) {
      const until = now + ms;
      const emitted: unknown[] = [];
      for (let wake = last.judged?.wakeAt; wake !== undefined && wake <= until; wake = last.judged?.wakeAt) {
        expect(wake).toBeGreaterThan(now);
        now = wake;
        const emit = judge('timer');
        if (emit !== undefined) emitted.push(emit);
      }
      now = until;
      return emitted;
    },
    judge,
  };
}

const all = (value: boolean | number) => Object.fromEntries(SENSORS.map((device) => [device, value]));

describe('a group', () => {
  it('commands when most of its sensors agree, once, and again when they change their mind', () => {
    const { say } = group();
    expect(say({ a: true })).toBeUndefined(); // the first of five is no quorum
    expect(say({ b: true })).toBeUndefined();
    expect(say({ c: true })).toEqual(ON);
    expect(say({ d: true, e: true })).toBeUndefined();
    expect(say({ a: false, b: false })).toBeUndefined();
    expect(say({ c: false })).toEqual(OFF);
  });

  it('is not lit by one bird', () => {
    const { say } = group();
    expect(say(all(false))).toEqual(OFF);
    for (const bird of SENSORS) {
      expect(say({ [bird]: true })).toBeUndefined();
      expect(say({ [bird]: false })).toBeUndefined();
    }
  });

  it('holds, cools down and dwells as any rule does', () => {
    const { say, wait } = group(ruleOf({ hold: '5s', maxAge: '1m' }));
    expect(say(all(false))).toEqual(OFF);
    expect(say(all(true))).toBeUndefined();
    expect(say(all(false), 4000)).toBeUndefined(); // a cloud that passes
    expect(wait(20_000)).toEqual([]);
    expect(say(all(true))).toBeUndefined();
    expect(wait(5000)).toEqual([ON]);
  });

  it('changes nothing while the votes are tied', () => {
    const { say } = group(ruleOf({ scope: { devices: ['a', 'b', 'c', 'd'] } }));
    expect(say({ a: true, b: true, c: true, d: false })).toEqual(ON);
    expect(say({ c: false })).toBeUndefined();
    expect(say({ a: true })).toBeUndefined();
    expect(say({ b: false })).toEqual(OFF);
  });

  it('judges the median with its own hysteresis, whatever one sensor says', () => {
    const { say } = group(
      ruleOf({ quorum: { policy: 'median', of: 'light' }, when: 'value < 300', clear: 'value > 330' }),
    );
    expect(say(all(299))).toEqual(ON);
    expect(say({ ...all(320), a: 1023 })).toBeUndefined();
    expect(say({ ...all(331), a: 0 })).toEqual(OFF);
    expect(say({ ...all(320), a: -9e9 })).toBeUndefined();
    expect(say({ ...all(299), a: 9e9 })).toEqual(ON);
  });

  it('tells of a condition that fails, and stays as it is', () => {
    const { say, last } = group(
      ruleOf({ quorum: { policy: 'median', of: 'light' }, when: '1.0 / value < 0.01', clear: undefined }),
    );
    expect(say(all(1000))).toEqual(ON);
    expect(say(all(0))).toBeUndefined();
    expect(last.judged).toMatchObject({ result: 'error', error: expect.stringMatching(/./) });
    expect(say(all(1))).toEqual(OFF);
  });
});

describe('sensors that fall silent', () => {
  it('leave the vote by time alone, and those that are left decide', () => {
    const { say, wait } = group();
    say({ a: true, b: true, c: false, d: false, e: false });
    say({ a: true, b: true, c: false }, 9000);
    expect(wait(5000)).toEqual([ON]); // two of the three that still speak
  });

  it('so that too few are left, and `hold` keeps what was decided', () => {
    const { say, wait, last } = group();
    expect(say(all(true))).toEqual(ON);
    expect(wait(60_000)).toEqual([]);
    expect(last.judged!.tally).toMatchObject({ outcome: 'lost', fresh: 0, stale: 5 });
    expect(last.judged!.state.lostAt).toBe(START + 1000 + MAX_AGE + 1);
    expect(say(all(true))).toBeUndefined();
    expect(last.judged!.state.lostAt).toBeUndefined();
  });

  it('and `release` does as if the condition were false', () => {
    const { say, wait } = group(ruleOf({ quorum: { policy: 'majority', lost: 'release' } }));
    expect(say(all(true))).toEqual(ON);
    expect(wait(MAX_AGE)).toEqual([]);
    expect(wait(1)).toEqual([OFF]);
    expect(say(all(true))).toEqual(ON);
  });

  it('and `safe` commands the safe action once, and what holds after it, though it be the same as before', () => {
    const { say, wait } = group(ruleOf({ quorum: { policy: 'majority', lost: 'safe', safe: SAFE } }));
    expect(say(all(false))).toEqual(OFF);
    expect(wait(3 * MAX_AGE)).toEqual([SAFE]);
    expect(say({ a: false, b: false })).toBeUndefined();
    expect(say({ c: false })).toEqual(OFF);
    expect(say({ d: false })).toBeUndefined();
  });

  it('and come back at once leave the safe action for a while, lest the targets flicker', () => {
    const { say, wait } = group(
      ruleOf({ quorum: { policy: 'majority', lost: 'safe', safe: SAFE }, maxAge: '1m' }),
    );
    say(all(true));
    expect(wait(60_001)).toEqual([SAFE]);
    expect(say(all(true))).toBeUndefined();
    expect(wait(SAFE_LEAST_MS - 1001)).toEqual([]);
    expect(wait(1)).toEqual([ON]);
  });

  it('and the safe action leaves no run without its end', () => {
    const runs = {
      run: { seconds: '30', max: '1m' },
      clear: undefined,
      then: { pump: true },
      else: { pump: false },
    };
    const quorum = { policy: 'majority', lost: 'safe' } as const;
    const beside = group(ruleOf({ ...runs, quorum: { ...quorum, safe: { alarm: true } } }));
    expect(beside.say(all(true))).toEqual({ pump: true });
    expect(beside.wait(29_999)).toEqual([{ alarm: true }]);
    expect(beside.wait(1)).toEqual([{ pump: false }]);
    expect(beside.last.judged).toMatchObject({ reason: 'run_over', state: { safeAt: START + 11_001 } });
    expect(beside.wait(60_000)).toEqual([]);
    // What is safe for the pump stands.
    const instead = group(ruleOf({ ...runs, quorum: { ...quorum, safe: { pump: 'slow' } } }));
    instead.say(all(true));
    expect(instead.wait(120_000)).toEqual([{ pump: 'slow' }]);
  });

  it('before anybody was heard: the expected roster is lost once it had its time', () => {
    const { judge, wait } = group(ruleOf({ quorum: { policy: 'majority', lost: 'safe', safe: SAFE } }));
    expect(judge('reading')).toBeUndefined();
    expect(wait(MAX_AGE - 1)).toEqual([]);
    expect(wait(1)).toEqual([SAFE]);
  });

  it('while nobody listened fire nothing: a restart is no silence', () => {
    const rule = ruleOf({ quorum: { policy: 'majority', lost: 'release' } });
    const { say, last, allVotes } = group(rule);
    expect(say(all(true))).toEqual(ON);
    const now = START + 3_600_000;
    const moment = { fleet: 'arena', trigger: 'timer', now, listeningSince: now } as const;
    const judged = evaluateGroup(rule, last.judged!.state, allVotes(), moment)!;
    expect(judged).toMatchObject({
      emit: undefined,
      tally: { outcome: 'gathering', stale: 5 },
      wakeAt: now + MAX_AGE,
    });
    const later = { ...moment, now: now + MAX_AGE };
    expect(evaluateGroup(rule, judged.state, allVotes(), later)).toMatchObject({
      emit: OFF,
      tally: { outcome: 'lost' },
    });
  });

  it('are forgotten after a day, and missed until then', () => {
    const vote: Vote = { device: 'a', value: 1, receivedAt: START, since: 1 };
    expect(isForgotten(ruleOf(), vote, START + 86_400_000)).toBe(false);
    expect(isForgotten(ruleOf(), vote, START + 86_400_001)).toBe(true);
    const slow = ruleOf({ maxAge: '1d' });
    expect(isForgotten(slow, vote, START + 2 * 86_400_000)).toBe(false);
    expect(isForgotten(slow, vote, START + 2 * 86_400_000 + 1)).toBe(true);
    expect(isForgotten(ruleOf({}, 2), vote, START)).toBe(true); // it was asked by an older rule
    expect(isForgotten(ruleOf(), { ...vote, since: 2 }, START)).toBe(false); // this replica's rule is the older one
  });
});

describe('a rule that changes', () => {
  it('begins anew, and asks again', () => {
    const { say, judge, last } = group();
    expect(say(all(true))).toEqual(ON);
    expect(judge('reading', ruleOf({}, 2))).toBeUndefined();
    expect(last.judged!.tally).toMatchObject({ outcome: 'gathering', fresh: 0 });
    expect(last.judged!.state).toMatchObject({ since: 2, begun: START + 1000 });
  });

  it('and is switched off commands nothing more, but ends its run', () => {
    const runs = {
      quorum: { policy: 'majority', lost: 'safe', safe: SAFE } as const,
      run: { seconds: '20', max: '1m' },
      clear: undefined,
    };
    const { say, judge, wait, last } = group(ruleOf(runs));
    expect(say(all(true))).toEqual(ON);
    const off = ruleOf({ ...runs, enabled: false });
    expect(judge('reading', off)).toBeUndefined();
    const moment = { fleet: 'arena', trigger: 'timer', listeningSince: 0 } as const;
    const silent = evaluateGroup(off, last.judged!.state, [], { ...moment, now: START + 15_000 })!;
    expect(silent).toMatchObject({ emit: undefined, tally: { outcome: 'lost' } });
    expect(evaluateGroup(off, silent.state, [], { ...moment, now: START + 21_000 })).toMatchObject({
      emit: OFF,
    });
    expect(wait(12_000)).toEqual([SAFE]); // had it stayed on
  });

  it('is not judged by a replica that knows only the older one', () => {
    const state: GroupState = { since: 3, begun: START };
    const moment = { fleet: 'arena', trigger: 'reading', now: START, listeningSince: 0 } as const;
    expect(evaluateGroup(ruleOf(), state, [], moment)).toBeUndefined();
  });
});

describe("a sensor's vote", () => {
  it('has a hysteresis of its own', () => {
    const rule = ruleOf();
    const said = (light: number, previous?: boolean) => voteOf(rule, previous, { reading: { light } });
    expect([said(299), said(300), said(320, true), said(320, false), said(331, true)]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(voteOf(rule, true, { reading: { heat: 1 } })).toBeUndefined();
  });

  it('is a number where the group measures', () => {
    const rule = ruleOf({
      quorum: { policy: 'median', of: 'light * 2' },
      when: 'value < 300',
      clear: undefined,
    });
    expect(voteOf(rule, undefined, { reading: { light: 21 } })).toBe(42);
    expect(voteOf(rule, undefined, { reading: { light: 'dark' } })).toBeUndefined();
  });
});

it('every command can be replayed from its evidence: the same action by the same steps', () => {
  const step = fc.record({
    said: fc.dictionary(fc.constantFrom(...SENSORS), fc.integer({ min: 200, max: 400 }), {
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
        const { say, last, allVotes } = group(rule);
        let now = START;
        for (const { said, after } of steps) {
          now += after;
          const votes = Object.fromEntries(
            Object.entries(said).map(([device, light]) => [device, measures ? light : light < 300]),
          );
          const emit = say(votes, after);
          if (emit === undefined) continue;
          const judged = last.judged!;
          const evidence = groupEvidenceOf(rule, judged, allVotes(), {
            fleet: 'arena',
            trigger: 'reading',
            now,
          });
          const { evaluated, trace } = replayGroup(rule, JSON.parse(JSON.stringify(evidence)));
          expect(evaluated.emit).toEqual(emit);
          expect(evaluated.state).toEqual(judged.state);
          expect(trace.at(-1)).toMatchObject({ clause: 'emit', action: emit });
        }
      },
    ),
  );
});
