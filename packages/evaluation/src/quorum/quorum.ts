import { conditionHolds } from '../clauses/conditions/when.js';
import type { Scope } from '../expression/expression.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import type { Rule } from '../rule/rule.js';
import { median, trimmedMean } from './averages.js';

/**
 * A quorum evaluates one rule on many sensors. The latest verdict or number of each sensor is its vote; fresh votes count:
 *
 * - stale votes (older than the rule's `maxAge`) leave the tally until the sensor's next reading;
 * - `expected` sensors count from the start, so that the first sensor is not a majority of one;
 * - fewer fresh votes than `needs` decide nothing, unless the missing ones could not change the result;
 * - while the quorum is lost, `hold`, `release` or the `safe` action of the rule applies;
 * - `gathering` precedes lost: the service has not listened long enough for silence to count.
 *
 * Pure: votes, sensors and time in, a tally out; the order of the votes does not matter.
 */
export type Quorum = NonNullable<Rule['quorum']>;

/** The vote of one sensor. Times are milliseconds on the server's clock. */
export interface Vote {
  readonly device: string;
  /** 1 for, 0 against; or what it measured, for `median` and `trimmedMean`. */
  readonly value: number;
  readonly receivedAt: number;
  /** The `since` of the rule that it voted on. */
  readonly since: number;
}

/** The times from which votes and silence count. Milliseconds on the server's clock. */
export interface Listening {
  readonly now: number;
  /** When the group started voting on this rule. */
  readonly begun: number;
  /** Start of uninterrupted listening: earlier silence does not count. */
  readonly listeningSince: number;
}

/** The count of votes: the evidence of a quorum's verdict. */
export interface Tally {
  readonly policy: Quorum['policy'];
  readonly outcome: 'decided' | 'undecided' | 'gathering' | 'lost';
  /**
   * Replaces `when`; absent if the votes do not decide (a tie, too few), and then nothing changes. With a median or mean it is the
   * result of `when` and `clear` on the `value`, which is added after counting.
   */
  readonly verdict?: boolean;
  /** Expected sensors, and how many fresh votes a verdict needs. */
  readonly expected: number;
  readonly needs: number;
  readonly fresh: number;
  /** Sensors whose votes are stale. */
  readonly stale: number;
  /** Sensors without a vote. */
  readonly missing: number;
  /** Among the fresh votes: for and against. */
  readonly yes?: number;
  readonly no?: number;
  /** Median or trimmed mean of the fresh ones. */
  readonly value?: number;
  /** In the evidence of a command: the first `TALLY_VOTES` votes by name, with value and age in milliseconds. */
  readonly votes?: Readonly<Record<string, readonly [value: number, ageMs: number]>>;
}

/** Votes that a tally shows. */
export const TALLY_VOTES = 50;
/** The default share that `trimmedMean` leaves out at each end; at least one value of three or more. */
const DEFAULT_TRIM = 0.2;

/** How the votes of a group are counted. */
export interface Ballot {
  readonly quorum: Quorum;
  /** A vote that is older is stale, milliseconds. */
  readonly maxAgeMs: number;
  /** The rule's `since`: a vote of another one does not count. */
  readonly since: number;
  /** Expected sensors; undefined if the rule does not define them: then all that have voted. */
  readonly expected: number | undefined;
}

/** Counts the votes. */
export function tallyVotes(ballot: Ballot, votes: readonly Vote[], listening: Listening): Tally {
  const { quorum, maxAgeMs, since } = ballot;
  const { now, begun } = listening;
  const counted = votes.filter((vote) => vote.since === since);
  const fresh = counted.filter((vote) => isFresh(vote, maxAgeMs, now));
  const expected = Math.max(ballot.expected ?? counted.length, 1);
  const needs = quorum.needs ?? Math.floor(expected / 2) + 1;
  const result = countVotes(quorum, fresh);
  const count = {
    policy: quorum.policy,
    expected,
    needs,
    fresh: fresh.length,
    stale: counted.length - fresh.length,
    missing: Math.max(0, expected - counted.length),
    ...result,
  };
  // Without a defined number of sensors, all present ones have voted by the time that the first votes can be stale.
  const isComplete = fresh.length >= needs && (ballot.expected !== undefined || now >= begun + maxAgeMs);
  const certain = quorum.needs === undefined ? earlyVerdict(quorum, result) : undefined;
  if (isComplete || certain !== undefined) {
    const verdict = certain ?? verdictOf(quorum, result);
    if (verdict !== undefined) return { outcome: 'decided', verdict, ...count };
    return { outcome: result.value === undefined ? 'undecided' : 'decided', ...count };
  }
  if (now < gatheredAt(ballot, listening)) return { outcome: 'gathering', ...count };
  return quorum.lost === 'release'
    ? { outcome: 'lost', verdict: false, ...count }
    : { outcome: 'lost', ...count };
}

/** When the votes must be counted again without a new vote: the next vote turns stale, or the gathering ends. */
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

/** The tally with its votes; separate, because with many sensors it costs more than the count. */
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

/** A vote from the future was cast before the server's clock was set back; its age is unknown. */
function isFresh({ receivedAt }: Vote, maxAgeMs: number, now: number): boolean {
  return receivedAt <= now + SKEW_MS && now - receivedAt <= maxAgeMs;
}

function gatheredAt({ maxAgeMs }: Ballot, { begun, listeningSince }: Listening): number {
  return Math.max(begun, listeningSince) + maxAgeMs;
}

/**
 * The vote of one sensor after a live reading; undefined if undecided, and then its previous vote stays.
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

/** Whether each sensor contributes a number instead of yes or no. */
export function measures({ policy }: Quorum): boolean {
  return policy === 'median' || policy === 'trimmedMean';
}

/** The count of the fresh votes. */
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

/** A verdict that no further vote could change: one vote is enough for `any` and against `all`. */
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
      return undefined; // `when` is evaluated on the value afterwards
  }
}
