import type { Rule } from '@lamplighter/contracts/rule';
import { median, trimmedMean } from './quorum-averages.js';

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

/** When there is something to hear at all, and since when somebody listens. */
export interface Listening {
  readonly now: number;
  /** Silence counts from here on, server time in ms: the rule is as old, and the services have listened ever since. */
  readonly since: number;
}

/** What came of counting: the evidence of a quorum's verdict. */
export interface Tally {
  readonly policy: Quorum['policy'];
  readonly outcome: 'decided' | 'undecided' | 'gathering' | 'lost';
  /** Stands in place of `when`; undefined if the votes do not say (a tie, too few), and then everything stays as it is. */
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
export const DEFAULT_TRIM = 0.2;

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

/**
 * Counts the votes.
 * @param judge says of a median or mean whether the condition holds; undefined if it cannot say
 */
export function tallyVotes(
  ballot: Ballot,
  votes: readonly Vote[],
  { now, since: listeningSince }: Listening,
  judge: (value: number) => boolean | undefined,
): Tally {
  const { quorum, maxAgeMs, since } = ballot;
  const heard = votes.filter((vote) => vote.since === since);
  const fresh = heard.filter(({ receivedAt }) => now - receivedAt <= maxAgeMs);
  const expected = Math.max(ballot.expected ?? heard.length, 1);
  const needs = quorum.needs ?? Math.floor(expected / 2) + 1;
  const count = {
    policy: quorum.policy,
    expected,
    needs,
    fresh: fresh.length,
    stale: heard.length - fresh.length,
    missing: Math.max(0, expected - heard.length),
    ...countOf(quorum, fresh),
  };
  const isEarly = now - listeningSince < maxAgeMs;
  // Who there should be nobody has said: all that are there have spoken once the first votes could be stale.
  const isComplete = fresh.length >= needs && (ballot.expected !== undefined || !isEarly);
  const certain = quorum.needs === undefined ? certainOf(quorum, count.yes ?? 0, count.no ?? 0) : undefined;
  if (isComplete || certain !== undefined) {
    const verdict = certain ?? verdictOf(quorum, count, judge);
    return verdict === undefined ? { outcome: 'undecided', ...count } : { outcome: 'decided', verdict, ...count };
  }
  if (isEarly) return { outcome: 'gathering', ...count };
  return quorum.lost === 'release'
    ? { outcome: 'lost', verdict: false, ...count }
    : { outcome: 'lost', ...count };
}

/** When the votes will have to be counted again although nobody speaks: the next one turns stale, or the gathering ends. */
export function tallyAgainAt(
  { maxAgeMs, since }: Ballot,
  votes: readonly Vote[],
  { now, since: listeningSince }: Listening,
): number | undefined {
  let next = now - listeningSince < maxAgeMs ? listeningSince + maxAgeMs : Number.POSITIVE_INFINITY;
  for (const vote of votes) {
    const staleAt = vote.receivedAt + maxAgeMs + 1;
    if (vote.since === since && staleAt > now && staleAt < next) next = staleAt;
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
    votes: Object.fromEntries(byName.map(({ device, value, receivedAt }) => [device, [value, now - receivedAt]])),
  };
}

/** Whether a policy asks each sensor for a number instead of yes or no. */
export function measures({ policy }: Quorum): boolean {
  return policy === 'median' || policy === 'trimmedMean';
}

interface Count {
  readonly yes?: number;
  readonly no?: number;
  readonly value?: number;
  readonly fresh: number;
}

function countOf(quorum: Quorum, fresh: readonly Vote[]): Pick<Count, 'yes' | 'no' | 'value'> {
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
function certainOf({ policy, count }: Quorum, yes: number, no: number): boolean | undefined {
  if (policy === 'any' && yes > 0) return true;
  if (policy === 'all' && no > 0) return false;
  if (policy === 'atLeast' && yes >= count!) return true;
  return undefined;
}

function verdictOf(
  { policy, count }: Quorum,
  { yes = 0, no = 0, value }: Count,
  judge: (value: number) => boolean | undefined,
): boolean | undefined {
  switch (policy) {
    case 'any':
      return yes > 0;
    case 'all':
      return no === 0;
    case 'atLeast':
      return yes >= count!;
    case 'majority':
      return yes === no ? undefined : yes > no; // a tie changes nothing
    default:
      return value === undefined ? undefined : judge(value);
  }
}
