import type { CompiledQuorum } from '../clauses/conditions/quorum.js';
import { conditionHolds } from '../clauses/conditions/when.js';
import { type EmitReason, type Evaluated, earliest } from '../context/evaluated.js';
import { type RuleState, remainingMs } from '../context/rule-state.js';
import type { Trace } from '../context/trace.js';
import { evaluate } from '../evaluate/evaluate.js';
import { ExpressionFailed } from '../expression/errors.js';
import type { CompiledRule } from '../rule/compile-rule.js';
import { type Ballot, measures, nextTallyAt, SKEW_MS, type Tally, tallyVotes, type Vote } from './quorum.js';

/**
 * What a quorum rule remembers of its group; JSON stored with the votes in Redis, so that a restart neither loses nor repeats anything.
 * Times are milliseconds on the server's clock.
 */
export interface GroupState {
  /** `since` of the rule; an older state starts from scratch, and a replica with an older rule does not touch it. */
  readonly since: number;
  /** When the group was first evaluated by this rule. */
  readonly begun: number;
  /** What any rule remembers: verdict, hold, cooldown, … */
  readonly rule?: RuleState;
  /** When the fresh votes became too few. */
  readonly lostAt?: number;
  /** When the safe action was sent; removed when the action of the verdict has followed. */
  readonly safeAt?: number;
  /** When the targets were last sent a command; stored under this name. */
  readonly toldAt?: number;
}

/** When a group is evaluated, and in which fleet. */
export interface GroupMoment {
  readonly fleet: string;
  readonly trigger: 'reading' | 'timer';
  /** Server time, ms. */
  readonly now: number;
  /** When the latest vote was received; 0 without votes. */
  readonly heardAt: number;
}

export interface EvaluatedGroup extends Omit<Evaluated, 'state' | 'reason'> {
  /** The state before and after: the same object if nothing changed. */
  readonly before: GroupState;
  readonly state: GroupState;
  /** `lost`: the safe action; `found`: the action of the verdict again, after it. */
  readonly reason?: EmitReason | 'lost' | 'found';
  readonly tally: Tally;
}

/** The safe action stays at least this long, milliseconds, so that intermittent sensors do not make the targets flicker. */
export const SAFE_LEAST_MS = 10_000;
/** A sensor that is silent for this long no longer counts if the rule does not define its sensors. Milliseconds. */
const FORGOTTEN_MS = 86_400_000;
const NOTHING = {};

/**
 * Evaluates a group: counts its votes, and evaluates the rule with the result in place of `when`. Pure.
 * @param listeningSince start of uninterrupted listening: earlier silence does not count
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
  const evaluated = evaluateTally(
    rule,
    state,
    tallyVotes(ballot, votes, listening),
    { ...at, heardAt },
    trace,
  );
  return { ...evaluated, wakeAt: earliest(evaluated.wakeAt, nextTallyAt(ballot, votes, listening)) };
}

/** Evaluates a count of votes; with the tally of stored evidence it reproduces the command. */
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
  const pending =
    state.safeAt === undefined || !rule.enabled ? undefined : actionAfterSafe(rule, evaluated, tally);
  if (pending?.emit !== undefined)
    trace?.push({
      clause: 'emit',
      passes: true,
      value: pending.raise,
      action: pending.emit,
      reason: 'found',
    });
  const isSafeOver = evaluated.emit !== undefined || pending !== undefined;
  const isCommanded = evaluated.emit !== undefined || pending?.emit !== undefined;
  return {
    ...evaluated,
    ...pending,
    ...failure,
    before: state,
    state: nextState(state, {
      rule: evaluated.state,
      lostAt: isLost ? (state.lostAt ?? now) : undefined,
      safeAt: isSafeOver ? undefined : state.safeAt,
      toldAt: isCommanded ? now : state.toldAt,
    }),
    tally,
  };
}

/** How the votes of a rule are counted. */
export function ballotOf({ scope, maxAgeMs, since, quorum }: CompiledRule): Ballot {
  const isListed = scope !== '*' && !scope.some((name) => name.endsWith('*'));
  const expected = quorum!.expected ?? (isListed ? new Set(scope).size : undefined);
  return { quorum: quorum as CompiledQuorum, maxAgeMs, since, expected };
}

/** Whether a vote can never count again: it belongs to an older rule, or its sensor has been silent for too long. */
export function isExpiredVote({ since, maxAgeMs }: CompiledRule, vote: Vote, now: number): boolean {
  return vote.since < since || now - vote.receivedAt > Math.max(FORGOTTEN_MS, 2 * maxAgeMs);
}

/** The state from which this rule continues. */
function currentState(rule: CompiledRule, before: GroupState | undefined, now: number): GroupState {
  // A start in the future was written before the server's clock was set back.
  if (before?.since === rule.since) return before.begun > now + SKEW_MS ? { ...before, begun: now } : before;
  return { since: rule.since, begun: now };
}

/** Evaluates `when` and `clear` on a median or mean, with the hysteresis of the group. */
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
  // The dispatcher ensures delivery to the targets; a group itself neither reports nor acknowledges.
  const group = { address: { fleet, device: '' }, acknowledges: true, lesson: false };
  return evaluate(rule, state.rule, observation, group, now, trace);
}

/** When a run ends whose actuators the safe action does not all cover: that run ends in time although the quorum is lost. */
function runEndDuringSafe(
  { quorum, whenFalse = {} }: CompiledRule,
  state: RuleState | undefined,
): number | undefined {
  const isEnded = Object.keys(whenFalse).every((key) => Object.hasOwn(quorum!.safe!, key));
  return isEnded ? undefined : state?.runUntil;
}

/** The action of the verdict, which follows the safe action even if the verdict has not changed. */
function actionAfterSafe(rule: CompiledRule, { emit, state }: Evaluated, { verdict }: Tally) {
  if (emit !== undefined || verdict === undefined || state === undefined) return undefined;
  if (state.raised !== verdict || state.first === true) return undefined;
  // A run that is over must not start again without an end.
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

/** A stored group state; undefined if there is none, or if it is not valid JSON, so that the group starts from scratch. */
export function parseGroupState(text: string): GroupState | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as GroupState;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
