import type { CompiledQuorum } from '../clauses/quorum.js';
import { conditionHolds } from '../clauses/when.js';
import type { EmitReason, Evaluated } from '../context/evaluated.js';
import { type RuleState, remainingMs } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { evaluate } from '../evaluate/evaluate.js';
import { ExpressionFailed } from '../expression/errors.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import { type Ballot, measures, nextTallyAt, SKEW_MS, type Tally, tallyVotes, type Vote } from './quorum.js';

/**
 * What a quorum rule remembers of its group; JSON beside the votes in Redis, so a restart neither forgets nor fires. Times are
 * milliseconds on the server's clock.
 */
export interface GroupState {
  /** `since` of the rule; a state of an older one begins anew, and a replica that only knows an older rule leaves it alone. */
  readonly since: number;
  /** When the group was first judged by this rule. */
  readonly begun: number;
  /** What any rule remembers: verdict, hold, cooldown, … */
  readonly rule?: RuleState;
  /** Since when too few sensors can be heard. */
  readonly lostAt?: number;
  /** When the safe action was commanded; gone once the verdict's own action has followed it. */
  readonly safeAt?: number;
  /** When the targets were last commanded, whatever it was. */
  readonly toldAt?: number;
}

/** When and for whom a group is judged. */
export interface GroupMoment {
  readonly fleet: string;
  readonly trigger: 'reading' | 'timer';
  /** Server time, ms. */
  readonly now: number;
  /** When any of its sensors was last heard; 0 if none ever was. */
  readonly heardAt: number;
}

export interface EvaluatedGroup extends Omit<Evaluated, 'state' | 'reason'> {
  /** The state on which it was judged, and the one that follows: the same object if nothing has changed. */
  readonly before: GroupState;
  readonly state: GroupState;
  /** `lost`: the safe action; `found`: the verdict's own again, after it. */
  readonly reason?: EmitReason | 'lost' | 'found';
  readonly tally: Tally;
}

/** The safe action stays for this long at least, milliseconds: sensors that come and go must not make the targets flicker. */
export const SAFE_LEAST_MS = 10_000;
/** A sensor that is silent for this long is no longer missed where nobody has said who should be there. Milliseconds. */
const FORGOTTEN_MS = 86_400_000;
const NOTHING = {};

/**
 * Judges a group: counts its votes, and lets the rule go on from what they say as it does from `when`. Pure.
 * @param listeningSince since when the services have listened without a break: of before, silence says nothing
 * @returns undefined if the state is that of a newer rule than this one
 */
export function evaluateGroup(
  rule: CompiledRule,
  before: GroupState | undefined,
  votes: readonly Vote[],
  { listeningSince, ...at }: Omit<GroupMoment, 'heardAt'> & { readonly listeningSince: number },
  trace?: Trace,
): EvaluatedGroup | undefined {
  if (before !== undefined && before.since > rule.since) return undefined;
  const state = currentState(rule, before, at.now);
  const ballot = ballotOf(rule);
  const listening = { now: at.now, begun: state.begun, listeningSince };
  const heardAt = votes.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0);
  const judged = evaluateTally(rule, state, tallyVotes(ballot, votes, listening), { ...at, heardAt }, trace);
  return { ...judged, wakeAt: earliest(judged.wakeAt, nextTallyAt(ballot, votes, listening)) };
}

/** Judges what was counted; with the evidence of a command in hand it shows again how the command came about. */
export function evaluateTally(
  rule: CompiledRule,
  state: GroupState,
  counted: Tally,
  moment: GroupMoment,
  trace?: Trace,
): EvaluatedGroup {
  const { now } = moment;
  const { lost, safe } = rule.quorum!;
  const isLost = counted.outcome === 'lost';
  const safeMs = state.safeAt === undefined ? 0 : remainingMs(state.safeAt, SAFE_LEAST_MS, now);
  if (lost === 'safe' && rule.enabled && (isLost || safeMs > 0)) {
    const isNew = state.safeAt === undefined;
    const until = isNew ? now + SAFE_LEAST_MS : safeMs > 0 ? now + safeMs : undefined;
    trace?.push({ clause: 'quorum', passes: false, reason: 'lost', until });
    const runUntil = runEndDuringSafe(rule, state.rule);
    const wakeAt = earliest(until, runUntil && Math.max(runUntil, now + 1));
    if (!isNew && runUntil !== undefined && runUntil <= now) {
      const ended = evaluateGroupRule(rule, state, counted, moment, trace);
      const { safeAt, lostAt } = state;
      const next = nextState(state, { rule: ended.state, lostAt, safeAt, toldAt: now });
      return { ...ended, before: state, state: next, tally: counted, wakeAt: until };
    }
    if (isNew) trace?.push({ clause: 'emit', passes: true, action: safe, reason: 'lost' });
    return {
      before: state,
      state: isNew ? { ...state, lostAt: now, safeAt: now, toldAt: now } : state,
      emit: isNew ? safe : undefined,
      raise: undefined,
      result: 'undecided',
      reason: isNew ? 'lost' : undefined,
      tally: counted,
      wakeAt,
    };
  }
  const { tally, failure } = evaluateValue(rule, state.rule, counted, trace);
  const evaluated = evaluateGroupRule(rule, state, tally, moment, trace);
  const owed = state.safeAt === undefined || !rule.enabled ? undefined : owedAction(rule, evaluated, tally);
  if (owed?.emit !== undefined)
    trace?.push({ clause: 'emit', passes: true, value: owed.raise, action: owed.emit, reason: 'found' });
  const isPaid = evaluated.emit !== undefined || owed !== undefined;
  const isTold = evaluated.emit !== undefined || owed?.emit !== undefined;
  return {
    ...evaluated,
    ...owed,
    ...failure,
    before: state,
    state: nextState(state, {
      rule: evaluated.state,
      lostAt: isLost ? (state.lostAt ?? now) : undefined,
      safeAt: isPaid ? undefined : state.safeAt,
      toldAt: isTold ? now : state.toldAt,
    }),
    tally,
  };
}

/** What a rule's group is counted by. */
export function ballotOf({ scope, maxAgeMs, since, quorum }: CompiledRule): Ballot {
  const isListed = scope !== '*' && !scope.some((name) => name.endsWith('*'));
  const expected = quorum!.expected ?? (isListed ? new Set(scope).size : undefined);
  return { quorum: quorum as CompiledQuorum, maxAgeMs, since, expected };
}

/** Whether a vote will never count again: it is about an older rule, or its sensor has been silent for too long to be missed. */
export function isForgotten({ since, maxAgeMs }: CompiledRule, vote: Vote, now: number): boolean {
  return vote.since < since || now - vote.receivedAt > Math.max(FORGOTTEN_MS, 2 * maxAgeMs);
}

/** The state with which this rule goes on. */
function currentState(rule: CompiledRule, before: GroupState | undefined, now: number): GroupState {
  // A beginning that is to come was written before the server's clock was set back.
  if (before?.since === rule.since) return before.begun > now + SKEW_MS ? { ...before, begun: now } : before;
  return { since: rule.since, begun: now };
}

/** What `when` and `clear` say of a median or mean, with the hysteresis of the group. */
function evaluateValue(
  rule: CompiledRule,
  state: RuleState | undefined,
  tally: Tally,
  trace: Trace | undefined,
) {
  if (!measures(rule.quorum!) || tally.outcome !== 'decided') return { tally };
  const raised = state?.since === rule.since && state.raised;
  try {
    const verdict = conditionHolds(rule, raised, { reading: NOTHING, value: tally.value }, trace);
    return {
      tally: verdict === undefined ? { ...tally, outcome: 'undecided' as const } : { ...tally, verdict },
    };
  } catch (error) {
    const { message } = error as Error;
    trace?.push({ clause: 'error', passes: false, reason: message });
    const result = error instanceof ExpressionFailed ? error.kind : ('error' as const);
    return { tally: { ...tally, outcome: 'undecided' as const }, failure: { result, error: message } };
  }
}

function evaluateGroupRule(
  rule: CompiledRule,
  state: GroupState,
  { verdict, value }: Tally,
  { fleet, trigger, now, heardAt }: GroupMoment,
  trace: Trace | undefined,
): Evaluated {
  const observation = { trigger, reading: NOTHING, ageMs: 0, heardAt, verdict, value };
  // Delivery to the targets is the dispatcher's care; nobody reports, or fails to answer, for a group.
  const nobody = { address: { fleet, device: '' }, answers: true, lesson: false };
  return evaluate(rule, state.rule, observation, nobody, now, trace);
}

/** When a run ends of which the safe action leaves something on: that end comes in time, though the quorum is lost. */
function runEndDuringSafe(
  { quorum, whenFalse = {} }: CompiledRule,
  state: RuleState | undefined,
): number | undefined {
  const isEnded = Object.keys(whenFalse).every((key) => Object.hasOwn(quorum!.safe!, key));
  return isEnded ? undefined : state?.runUntil;
}

/** After the safe action the targets are owed what the verdict says, also if it says the same as before. */
function owedAction(rule: CompiledRule, { emit, state }: Evaluated, { verdict }: Tally) {
  if (emit !== undefined || verdict === undefined || state === undefined) return undefined;
  if (state.raised !== verdict || state.first === true) return undefined;
  // A run that was over before must not begin again without an end.
  const raise = state.raised && (rule.run === undefined || state.runUntil !== undefined);
  const action = raise ? rule.whenTrue : rule.whenFalse;
  return action === undefined ? {} : { emit: action, raise, reason: 'found' as const };
}

function nextState(
  before: GroupState,
  { rule, lostAt, safeAt, toldAt }: Pick<GroupState, 'rule' | 'lostAt' | 'safeAt' | 'toldAt'>,
): GroupState {
  const isSame = rule === before.rule && lostAt === before.lostAt && safeAt === before.safeAt;
  if (isSame && toldAt === before.toldAt) return before;
  return {
    since: before.since,
    begun: before.begun,
    ...(rule !== undefined && { rule }),
    ...(lostAt !== undefined && { lostAt }),
    ...(safeAt !== undefined && { safeAt }),
    ...(toldAt !== undefined && { toldAt }),
  };
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
