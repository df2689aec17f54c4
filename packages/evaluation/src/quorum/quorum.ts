import { conditionHolds } from '../clauses/when.js';
import type { Scope } from '../expression/expression.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { Rule } from '../rule/rule.js';
import { median, trimmedMean } from './averages.js';

/**
 * A quorum asks many sensors one question. Every sensor's last word is kept as its vote; what is counted are the fresh ones:
 *
 * - stale votes (older than the rule's `maxAge`) leave the tally, and come back with the sensor's next reading;
 * - `expected` sensors are counted from the start, so that the first one heard is not the majority of one;
 * - fewer fresh ones than `needs` decide nothing, unless those that are not heard could not change it any more;
 * - what holds while the quorum is lost says the rule: `hold`, `release` or the `safe` action;
 * - `gathering` is not yet lost: nobody has listened for long enough that silence would mean anything.
 *
 * Pure: votes, roster and time in, a tally out; the order of the votes does not matter.
 */
export type Quorum = NonNullable<Rule['quorum']>;

/** The last word of one sensor. Times are milliseconds on the server's clock. */
export interface Vote {
  readonly device: string;
  /** 1 for, 0 against; or what it measured, for `median` and `trimmedMean`. */
  readonly value: number;
  readonly receivedAt: number;
  /** The `since` of the rule by which it was asked. */
  readonly since: number;
}

/** Since when votes were asked for, and silence counts. Milliseconds on the server's clock. */
export interface Listening {
  readonly now: number;
  /** Since when the group votes on this rule. */
  readonly begun: number;
  /** Since when somebody has listened without a break: of before, silence says nothing of the sensors. */
  readonly listeningSince: number;
}

/** What came of counting: the evidence of a quorum's verdict. */
export interface Tally {
  readonly policy: Quorum['policy'];
  readonly outcome: 'decided' | 'undecided' | 'gathering' | 'lost';
  /**
   * Stands in place of `when`; absent if the votes do not say (a tie, too few), and then everything stays as it is. Of a median or mean
   * it is what `when` and `clear` say of the `value`, which the counting alone does not know.
   */
  readonly verdict?: boolean;
  /** Sensors that there should be, and how many fresh votes a verdict needs. */
  readonly expected: number;
  readonly needs: number;
  readonly fresh: number;
  /** Heard once, but too long ago. */
  readonly stale: number;
  /** Never heard. */
  readonly missing: number;
  /** Of the fresh ones: for and against. */
  readonly yes?: number;
  readonly no?: number;
  /** Median or trimmed mean of the fresh ones. */
  readonly value?: number;
  /** In the evidence of a command: the first votes by name, at most `TALLY_VOTES`; what each said, and its age in milliseconds. */
  readonly votes?: Readonly<Record<string, readonly [value: number, ageMs: number]>>;
}

/** Votes that a tally shows. */
export const TALLY_VOTES = 50;
/** What `trimmedMean` leaves out at each end if the rule does not say, but never less than one of three or more. */
const DEFAULT_TRIM = 0.2;

/** What a group is counted by. */
export interface Ballot {
  readonly quorum: Quorum;
  /** A vote that is older is stale, milliseconds. */
  readonly maxAgeMs: number;
  /** The rule's `since`: a vote of another one does not count. */
  readonly since: number;
  /** Sensors that there should be; undefined if nobody has said: then as many as were ever heard. */
  readonly expected: number | undefined;
}

/** Counts the votes. */
export function tallyVotes(ballot: Ballot, votes: readonly Vote[], listening: Listening): Tally {
  const { quorum, maxAgeMs, since } = ballot;
  const { now, begun } = listening;
  const heard = votes.filter((vote) => vote.since === since);
  const fresh = heard.filter((vote) => isFresh(vote, maxAgeMs, now));
  const expected = Math.max(ballot.expected ?? heard.length, 1);
  const needs = quorum.needs ?? Math.floor(expected / 2) + 1;
  const said = countVotes(quorum, fresh);
  const count = {
    policy: quorum.policy,
    expected,
    needs,
    fresh: fresh.length,
    stale: heard.length - fresh.length,
    missing: Math.max(0, expected - heard.length),
    ...said,
  };
  // If nobody has said how many there should be: all that are there have spoken once the first votes could be stale.
  const isComplete = fresh.length >= needs && (ballot.expected !== undefined || now >= begun + maxAgeMs);
  const certain = quorum.needs === undefined ? earlyVerdict(quorum, said) : undefined;
  if (isComplete || certain !== undefined) {
    const verdict = certain ?? verdictOf(quorum, said);
    if (verdict !== undefined) return { outcome: 'decided', verdict, ...count };
    return { outcome: said.value === undefined ? 'undecided' : 'decided', ...count };
  }
  if (now < gatheredAt(ballot, listening)) return { outcome: 'gathering', ...count };
  return quorum.lost === 'release'
    ? { outcome: 'lost', verdict: false, ...count }
    : { outcome: 'lost', ...count };
}

/** When the votes will have to be counted again although nobody speaks: the next one turns stale, or the gathering ends. */
export function nextTallyAt(
  ballot: Ballot,
  votes: readonly Vote[],
  listening: Listening,
): number | undefined {
  const { maxAgeMs, since } = ballot;
  const { now, begun } = listening;
  let next = Number.POSITIVE_INFINITY;
  for (const gathered of [begun + maxAgeMs, gatheredAt(ballot, listening)])
    if (gathered > now) next = Math.min(next, gathered);
  for (const vote of votes) {
    const staleAt = vote.receivedAt + maxAgeMs + 1;
    if (vote.since === since && staleAt < next && isFresh(vote, maxAgeMs, now)) next = staleAt;
  }
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

/** The tally with votes to show; not made at every count, since with many sensors it costs more than the counting. */
export function withVotes(tally: Tally, { since }: Ballot, votes: readonly Vote[], now: number): Tally {
  const byName = votes
    .filter((vote) => vote.since === since)
    .sort((a, b) => (a.device < b.device ? -1 : 1))
    .slice(0, TALLY_VOTES);
  return {
    ...tally,
    votes: Object.fromEntries(
      byName.map(({ device, value, receivedAt }) => [device, [value, Math.max(0, now - receivedAt)]]),
    ),
  };
}

/** Tolerated difference between clocks, milliseconds. */
export const SKEW_MS = 1000;

/** A vote of the future was cast before the server's clock was set back: how old it is nobody can tell. */
function isFresh({ receivedAt }: Vote, maxAgeMs: number, now: number): boolean {
  return receivedAt <= now + SKEW_MS && now - receivedAt <= maxAgeMs;
}

function gatheredAt({ maxAgeMs }: Ballot, { begun, listeningSince }: Listening): number {
  return Math.max(begun, listeningSince) + maxAgeMs;
}

/**
 * What one sensor says after a live reading; undefined if the reading does not say, and then its vote stays as it is.
 * @param previous its last vote: a sensor has a hysteresis of its own
 * @throws ExpressionFailed
 */
export function voteOf(
  rule: CompiledRule,
  previous: boolean | undefined,
  scope: Scope,
): boolean | number | undefined {
  const measure = rule.quorum?.measure;
  if (measure !== undefined) {
    const value = measure.evaluate(scope);
    return Number.isFinite(value) ? value : undefined;
  }
  return conditionHolds(rule, previous === true, scope);
}

/** Whether a policy asks each sensor for a number instead of yes or no. */
export function measures({ policy }: Quorum): boolean {
  return policy === 'median' || policy === 'trimmedMean';
}

/** What the fresh votes say together. */
interface VoteCount {
  readonly yes?: number;
  readonly no?: number;
  readonly value?: number;
}

function countVotes(quorum: Quorum, fresh: readonly Vote[]): VoteCount {
  if (!measures(quorum)) {
    const yes = fresh.reduce((sum, { value }) => sum + (value === 1 ? 1 : 0), 0);
    return { yes, no: fresh.length - yes };
  }
  if (fresh.length === 0) return {};
  const values = fresh.map(({ value }) => value);
  return {
    value: quorum.policy === 'median' ? median(values) : trimmedMean(values, quorum.trim ?? DEFAULT_TRIM),
  };
}

/** What votes decide that no other vote could change: one is enough for `any` and against `all`. */
function earlyVerdict({ policy, count = 1 }: Quorum, { yes = 0, no = 0 }: VoteCount): boolean | undefined {
  if (policy === 'any' && yes > 0) return true;
  if (policy === 'all' && no > 0) return false;
  if (policy === 'atLeast' && yes >= count) return true;
  return undefined;
}

function verdictOf({ policy, count = 1 }: Quorum, { yes = 0, no = 0 }: VoteCount): boolean | undefined {
  switch (policy) {
    case 'any':
      return yes > 0;
    case 'all':
      return no === 0;
    case 'atLeast':
      return yes >= count;
    case 'majority':
      return yes === no ? undefined : yes > no; // a tie changes nothing
    default:
      return undefined; // `when` has yet to judge the value
  }
}
