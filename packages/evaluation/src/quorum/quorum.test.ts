import fc from 'fast-check';
import {
  type Ballot,
  nextTallyAt,
  type Quorum,
  TALLY_VOTES,
  type Tally,
  tallyVotes,
  type Vote,
  withVotes,
} from './quorum.js';

const NOW = 1_000_000;
const MAX_AGE = 30_000;
const SINCE = 4;
/** The group has voted for long, and listening was never interrupted. */
const LISTENING = { now: NOW, begun: 0, listeningSince: 0 };

const quorum = (changes: Partial<Quorum>): Quorum => ({ policy: 'majority', lost: 'hold', ...changes });
const ballot = (changes: Partial<Quorum>, expected: number | undefined = undefined): Ballot => ({
  quorum: quorum(changes),
  maxAgeMs: MAX_AGE,
  since: SINCE,
  expected,
});
/** Fresh votes: `yes` for and `no` against. */
const votes = (yes: number, no: number): Vote[] =>
  Array.from({ length: yes + no }, (_, i) => vote(`s-${i}`, i < yes ? 1 : 0));
const vote = (device: string, value: number, age = 0): Vote => ({
  device,
  value,
  receivedAt: NOW - age,
  since: SINCE,
});
const verdictOf = (ballotUnderTest: Ballot, list: readonly Vote[], listening = LISTENING): Tally['verdict'] =>
  tallyVotes(ballotUnderTest, list, listening).verdict;

describe('tallyVotes: policies', () => {
  it.each([
    ['any', 0, 5, false],
    ['any', 1, 4, true],
    ['all', 5, 0, true],
    ['all', 4, 1, false],
    ['majority', 1, 4, false], // a single outlier does not raise
    ['majority', 2, 3, false],
    ['majority', 3, 2, true],
    ['majority', 2, 2, undefined], // a tie changes nothing
  ] as const)('%s of five, %d for and %d against: %s', (policy, yes, no, verdict) => {
    expect(verdictOf(ballot({ policy }, 5), votes(yes, no))).toBe(verdict);
  });

  it('atLeast counts the votes for', () => {
    const two = ballot({ policy: 'atLeast', count: 2 }, 5);
    expect([verdictOf(two, votes(1, 4)), verdictOf(two, votes(2, 3))]).toEqual([false, true]);
  });

  it('median ignores an outlier and returns the value', () => {
    const list = [100, 110, 120, 130, 9999].map((value, i) => vote(`s-${i}`, value));
    expect(tallyVotes(ballot({ policy: 'median', of: 'light' }, 5), list, LISTENING)).toMatchObject({
      outcome: 'decided',
      value: 120,
    });
  });

  it('a majority is never decided by a minority, whichever votes are stale', () => {
    const anyVotes = fc.array(
      fc.record({ yes: fc.boolean(), age: fc.integer({ min: 0, max: 2 * MAX_AGE }) }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(anyVotes, fc.integer({ min: 1, max: 40 }), (list, expected) => {
        const cast = list.map(({ yes, age }, i) => vote(`s-${i}`, yes ? 1 : 0, age));
        const { verdict, yes = 0, no = 0, fresh } = tallyVotes(ballot({}, expected), cast, LISTENING);
        if (verdict === undefined) return;
        expect(verdict ? yes : no).toBeGreaterThan(fresh / 2);
        expect(fresh).toBeGreaterThan(expected / 2);
      }),
    );
  });
});

describe('tallyVotes: votes', () => {
  const anyVote = fc.record({
    value: fc.integer({ min: 0, max: 1 }),
    age: fc.integer({ min: 0, max: 2 * MAX_AGE }),
    since: fc.constantFrom(SINCE, SINCE - 1, SINCE + 1),
  });
  const anyVotes = fc
    .array(anyVote, { maxLength: 80 })
    .map((list) => list.map(({ value, age, since }, i) => ({ ...vote(`s-${i}`, value, age), since })));
  const anyBallot = fc
    .record({
      policy: fc.constantFrom('any', 'all', 'majority', 'atLeast', 'median', 'trimmedMean' as const),
      lost: fc.constantFrom('hold', 'release', 'safe' as const),
      expected: fc.option(fc.integer({ min: 1, max: 80 }), { nil: undefined }),
    })
    .map(({ policy, lost, expected }) =>
      ballot({ policy, lost, ...(policy === 'atLeast' && { count: 3 }) } as Partial<Quorum>, expected),
    );

  it('does not depend on their order', () => {
    fc.assert(
      fc.property(anyBallot, anyVotes, fc.infiniteStream(fc.nat()), (ballotUnderTest, list, ranks) => {
        const shuffled = list
          .map((one) => ({ one, rank: ranks.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ one }) => one);
        const tally = tallyVotes(ballotUnderTest, list, LISTENING);
        expect(tallyVotes(ballotUnderTest, shuffled, LISTENING)).toEqual(tally);
        expect(JSON.stringify(withVotes(tally, ballotUnderTest, shuffled, NOW))).toBe(
          JSON.stringify(withVotes(tally, ballotUnderTest, list, NOW)),
        );
      }),
    );
  });

  it('turns votes stale with time, never fresh or missing', () => {
    fc.assert(
      fc.property(anyBallot, anyVotes, fc.nat(3 * MAX_AGE), (ballotUnderTest, list, wait) => {
        const before = tallyVotes(ballotUnderTest, list, LISTENING);
        const after = tallyVotes(ballotUnderTest, list, { ...LISTENING, now: NOW + wait });
        expect(after.fresh).toBeLessThanOrEqual(before.fresh);
        expect(after.fresh + after.stale).toBe(before.fresh + before.stale);
        expect(after.missing).toBe(before.missing);
      }),
    );
  });

  it('returns the same tally until nextTallyAt', () => {
    fc.assert(
      fc.property(anyBallot, anyVotes, fc.nat(3 * MAX_AGE), (ballotUnderTest, list, wait) => {
        const next = nextTallyAt(ballotUnderTest, list, LISTENING);
        const then = next === undefined ? NOW + wait : Math.min(NOW + wait, next - 1);
        expect(tallyVotes(ballotUnderTest, list, { ...LISTENING, now: then })).toEqual(
          tallyVotes(ballotUnderTest, list, LISTENING),
        );
      }),
    );
  });

  it('ignores votes on another version of the rule', () => {
    const list = votes(5, 0).map((one) => ({ ...one, since: SINCE - 1 }));
    expect(tallyVotes(ballot({}, 5), list, LISTENING)).toMatchObject({
      fresh: 0,
      missing: 5,
      outcome: 'lost',
    });
  });

  it('does not count votes from the future as fresh, after the clock was set back', () => {
    expect(tallyVotes(ballot({}, 1), [vote('s', 1, -60_000)], LISTENING)).toMatchObject({
      fresh: 0,
      stale: 1,
    });
  });

  it('withVotes adds the first votes by name', () => {
    const many = votes(TALLY_VOTES + 50, 0);
    const ballotUnderTest = ballot({}, many.length);
    const added = withVotes(
      tallyVotes(ballotUnderTest, many, LISTENING),
      ballotUnderTest,
      many.toReversed(),
      NOW,
    ).votes!;
    expect(Object.keys(added)).toEqual(
      many
        .map(({ device }) => device)
        .toSorted()
        .slice(0, TALLY_VOTES),
    );
    expect(added['s-0']).toEqual([1, 0]);
  });
});

describe('tallyVotes: expected sensors', () => {
  it('counts missing sensors from the start, so that the first vote is not a majority', () => {
    expect(tallyVotes(ballot({}, 5), votes(1, 0), LISTENING)).toMatchObject({
      expected: 5,
      needs: 3,
      fresh: 1,
      missing: 4,
      outcome: 'lost',
    });
  });

  it('gathers for the maxAge of a vote if the rule does not define the sensors', () => {
    const at = (now: number) => ({ now, begun: NOW, listeningSince: 0 });
    expect(tallyVotes(ballot({}), votes(1, 0), at(NOW)).outcome).toBe('gathering');
    const later = votes(1, 2).map((one) => ({ ...one, receivedAt: NOW + MAX_AGE }));
    expect(tallyVotes(ballot({}), later, at(NOW + MAX_AGE))).toMatchObject({
      outcome: 'decided',
      verdict: false,
    });
    expect(nextTallyAt(ballot({}), [], at(NOW))).toBe(NOW + MAX_AGE);
  });

  it('excludes stale votes until the next reading of the sensor', () => {
    const list = [
      vote('a', 1),
      vote('b', 0, MAX_AGE + 1),
      vote('c', 0, MAX_AGE + 1),
      vote('d', 1),
      vote('e', 1, MAX_AGE),
    ];
    expect(tallyVotes(ballot({}, 5), list, LISTENING)).toMatchObject({
      verdict: true,
      fresh: 3,
      stale: 2,
      yes: 3,
      no: 0,
    });
    const back = list.map((one) => ({ ...one, receivedAt: NOW }));
    expect(tallyVotes(ballot({}, 5), back, LISTENING)).toMatchObject({
      verdict: true,
      fresh: 5,
      yes: 3,
      no: 2,
    });
  });
});

describe('tallyVotes: lost quorum', () => {
  const two = votes(1, 1);
  it.each([
    ['hold', undefined],
    ['release', false],
    ['safe', undefined],
  ] as const)('%s: the verdict is %s', (lost, verdict) => {
    const tally = tallyVotes(ballot({ lost }, 5), two, LISTENING);
    expect([tally.outcome, tally.verdict]).toEqual(['lost', verdict]);
  });

  it('is not lost before listening has lasted for maxAge', () => {
    const silent = votes(5, 0).map((one) => ({ ...one, receivedAt: NOW - 3_600_000 }));
    const since = { ...LISTENING, listeningSince: NOW - MAX_AGE + 1 };
    expect(tallyVotes(ballot({ lost: 'release' }, 5), silent, since)).toMatchObject({ outcome: 'gathering' });
    expect(nextTallyAt(ballot({}, 5), silent, since)).toBe(NOW + 1);
    expect(tallyVotes(ballot({ lost: 'release' }, 5), silent, { ...since, now: NOW + 1 })).toMatchObject({
      outcome: 'lost',
      verdict: false,
    });
  });

  it('decides early if further votes cannot change the verdict', () => {
    expect(verdictOf(ballot({ policy: 'any' }, 5), votes(1, 0))).toBe(true);
    expect(verdictOf(ballot({ policy: 'any' }, 5), votes(0, 1))).toBeUndefined();
    expect(verdictOf(ballot({ policy: 'all' }, 5), votes(0, 1))).toBe(false);
    expect(verdictOf(ballot({ policy: 'atLeast', count: 2 }, 9), votes(2, 0))).toBe(true);
    // With `needs`, fewer votes never decide.
    expect(verdictOf(ballot({ policy: 'any', needs: 2 }, 5), votes(1, 0))).toBeUndefined();
  });
});
