import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import { hasRestarted } from '@lamplighter/evaluation/clauses/commands/reassert';
import { hasActuated } from '@lamplighter/evaluation/clauses/stops/settle';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { evidenceOf } from '@lamplighter/evaluation/evaluate/evidence';
import { endEvidenceOf, pendingEndOf, withPromisedEnd } from '@lamplighter/evaluation/evaluate/promised-end';
import type { RuleProfile } from '@lamplighter/evaluation/evaluate/rule-profile';
import { voteOf } from '@lamplighter/evaluation/quorum/quorum';
import { targetEvidenceOf } from '@lamplighter/evaluation/quorum/quorum-evidence';
import { reassertTarget, targetKey } from '@lamplighter/evaluation/quorum/quorum-target';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { groupKey } from '@lamplighter/store/keys';
import type { Timer } from '@lamplighter/store/rules/timers';
import type { Vote } from '@lamplighter/store/rules/vote';
import type { ArrivalFlags, NewReading } from '@lamplighter/store/telemetry/reading-order';
import type { GroupStates } from '../cache/group-states.js';
import { type KnownDevice, RULE_PROPAGATION_MS } from '../cache/known-device.js';
import type { RuleTime } from '../rule-book/rule-time.service.js';
import { type CommandOrigin, commandOf, type DecidedCommand, endingCommandOf } from './decided-command.js';
import { LastCommands } from './last-commands.js';
import { stateFromEdge } from './state-from-edge.js';
import { textForNumber } from './text-for-number.js';

/** A reading of a batch that is not stored yet. */
export interface PendingReading extends NewReading, CommandOrigin, ArrivalFlags {
  readonly reading: Reading;
  /** Whether it is newer than the last state according to the store; undefined before the first attempt to store it. */
  readonly isLive: boolean | undefined;
  /** How old it is by the device's clock, milliseconds; 0 without one. */
  readonly ageMs: number;
}

/** Counts the results of evaluations for the metrics, and reports failures. */
export interface EvaluationCounts {
  matched: number;
  unmatched: number;
  undecided: number;
  error: number;
  budget_exceeded: number;
  /** Finds and suspends expensive rules. */
  readonly time?: Pick<RuleTime, 'begin' | 'end' | 'isSuspended'>;
  readonly onError: (rule: CompiledRule, device: KnownDevice, message: string) => void;
  /** A rule is undecided because a measurement is text. */
  readonly onText?: (rule: CompiledRule, device: KnownDevice, name: string, reading: Reading) => void;
}

/** A timer of a suspended rule is due again after this time, milliseconds. */
const RETRY_SUSPENDED_MS = 10_000;
/** A replica that has not read the latest rules evaluates again after this time, by which it has read them. Milliseconds. */
const RETRY_BEHIND_MS = 1000;

const NONE: readonly never[] = [];
const NO_READING: Readonly<Record<string, never>> = {};

/** Adds the promised end to a state of an earlier release, which lacks it, from the current version of the rule. */
function addMissingEnd(rule: CompiledRule | undefined, state: RuleState): RuleState {
  return rule === undefined ? state : withPromisedEnd(rule, state);
}

/** Evaluates the rules for the readings of one device. */
export class RuleEvaluation {
  states: Readonly<Record<string, RuleState>>;
  private votesByRule: Map<CompiledRule, Vote> | undefined;
  private readonly individualCommands: DecidedCommand[] = [];
  private lastCommands: LastCommands | undefined;
  private wakeAt: number | undefined;
  /** Where the time of each rule is recorded, if the fleet's rules take too much of it. */
  private profile: RuleProfile<CompiledRule> | undefined;

  constructor(
    private readonly device: KnownDevice,
    private readonly now: number,
    private readonly counts: EvaluationCounts,
    private readonly groupStates: Pick<GroupStates, 'of'> | undefined,
  ) {
    this.states = device.states;
  }

  /** Evaluates a reading that is newer than the last state. */
  evaluateReading(pending: PendingReading): void {
    const { reading, at, ageMs, isReplayed } = pending;
    const { device, now } = this;
    const { window } = device;
    const last = window?.newest?.reading;
    window?.push({ at: at ?? now, receivedAt: now, reading });
    if (isReplayed) return; // history, which is not evaluated
    if (reading._edge !== undefined) this.resumeFromEdge(reading._edge);
    const observation: Observation = {
      trigger: 'reading',
      reading,
      ageMs,
      heardAt: now,
      ...(window !== undefined && { last: last ?? NO_READING, window }),
    };
    this.profile = this.counts.time?.begin(device.address.fleet);
    this.evaluateRules(observation, pending);
    if (device.quorums.length > 0) this.vote(observation);
    this.counts.time?.end(device.address);
    if (device.targets.length > 0) this.reassert(observation, pending);
  }

  /** Continues a rule from the state that the device reached while its link was down. */
  private resumeFromEdge(reported: unknown): void {
    const report = parseEdgeReport(reported);
    const rule = report?.state && this.device.rules.find(({ id }) => id === report.rule);
    if (report?.state === undefined || rule === undefined) return;
    const state = stateFromEdge(rule, this.states[rule.id], report.state, this.now);
    if (state === undefined) return;
    this.setState(rule.id, withPromisedEnd(rule, state));
    this.lastCommands?.markReplaced(rule);
  }

  /** Evaluates the last state again, without a reading. */
  evaluateTimer(listeningSince: number): void {
    const { window } = this.device;
    const newest = window?.newest;
    const observation: Observation = {
      trigger: 'timer',
      reading: newest?.reading ?? {},
      // By the device's clock it may have been old when it arrived.
      ageMs: newest === undefined ? 0 : this.now - Math.min(newest.receivedAt, newest.at),
      heardAt: window?.lastReceivedAt ?? 0,
      listeningSince,
      longestIntervalMs: this.device.longestIntervalMs,
      ...(window !== undefined && { last: window.beforeNewest?.reading ?? NO_READING, window }),
    };
    // Without any reading only rules that detect silence apply.
    const rules =
      newest === undefined
        ? this.device.rules.filter(({ absenceMs }) => absenceMs !== undefined)
        : this.device.rules;
    this.profile = this.counts.time?.begin(this.device.address.fleet);
    this.evaluateRules(observation, { arrivedAt: performance.now(), traceparent: undefined }, rules);
    this.counts.time?.end(this.device.address);
    // The due timer may belong to a rule that this replica has not read yet, and must not be lost.
    if (this.device.wasEvaluatedElsewhere(this.now)) this.wake(this.now + RETRY_BEHIND_MS);
  }

  private evaluateRules(observation: Observation, origin: CommandOrigin, rules = this.device.rules): void {
    const { device, now, counts } = this;
    this.wakeAt = undefined;
    const ended = this.endOrphanedStates(origin);
    for (const rule of rules) {
      const before = this.states[rule.id];
      // The rule starts from scratch with the next reading; this one may be older than the end of the run.
      if (ended.includes(rule.id)) {
        if (rule.absenceMs !== undefined) this.wake(now + 1);
        continue;
      }
      if (this.isBehind(rule, before)) {
        this.wake(now + RETRY_BEHIND_MS);
        continue;
      }
      if (counts.time?.isSuspended(rule, now)) {
        counts.budget_exceeded += 1;
        if (before !== undefined) this.wake(now + RETRY_SUSPENDED_MS);
        continue;
      }
      const started = this.profile === undefined ? 0 : performance.now();
      const evaluated = evaluate(rule, before, observation, device, now);
      this.profile?.add(rule, performance.now() - started);
      const { state, emit, raise, result, error, wakeAt, promised, reason } = evaluated;
      counts[result] += 1;
      if (error !== undefined) counts.onError(rule, device, error);
      if (result === 'undecided') this.reportText(rule, observation);
      if (wakeAt !== undefined) this.wake(wakeAt);
      if (state !== undefined && state !== before) this.setState(rule.id, withPromisedEnd(rule, state));
      if (emit === undefined) continue;
      const because = evidenceOf(rule, before, observation, device, now);
      const { shard } = device.address;
      const isRepeated = reason === 'reassert' && before !== undefined && hasRestarted(device, before);
      const restartedAt = isRepeated ? device.startedAt : undefined;
      const command =
        promised === undefined
          ? commandOf(rule, { action: emit, raise, because, restartedAt }, shard, origin)
          : endingCommandOf({ id: rule.id, rule }, promised, because, shard, origin);
      if (rule.mode === 'every' || device.lesson) this.individualCommands.push(command);
      else {
        const commandedBefore = reason === 'change' ? this.commandedState(rule, before) : undefined;
        this.setLastCommand(rule, command, raise, commandedBefore);
      }
    }
  }

  /**
   * Ends states of rules, or of versions of them, that are no longer in force for this device: ends runs when they are due, releases
   * verdicts immediately, and discards holds. @returns the ids of the rules with a run or verdict that ended
   */
  private endOrphanedStates(origin: CommandOrigin): readonly string[] {
    const { device, now } = this;
    const orphaned = device.orphanedStatesIn(this.states);
    if (orphaned.length === 0) return NONE;
    const ended: string[] = [];
    for (const id of orphaned) {
      const state = this.states[id]!;
      // A replica that has read this version continues it, but the end does not wait longer than every replica needs to read it.
      const isOverdue = state.runUntil !== undefined && now - state.runUntil > RULE_PROPAGATION_MS;
      if (device.ruleSet.isBehind(state.since) && !isOverdue) {
        this.wake(now + RETRY_BEHIND_MS);
        continue;
      }
      const rule = device.ruleSet.get(id);
      const pending = pendingEndOf(addMissingEnd(rule, state), now, device.releaseOf(id, state));
      if (pending?.kind === 'wait') this.wake(pending.until);
      if (pending?.kind === 'end') {
        const because = endEvidenceOf(pending, device.endReasonOf(id), state, device, now);
        this.individualCommands.push(
          endingCommandOf({ id, rule }, pending.end, because, device.address.shard, origin),
        );
        this.setState(id, undefined);
        ended.push(id);
      } else if (state.held !== undefined) this.setState(id, { ...state, held: undefined, band: undefined });
    }
    return ended;
  }

  /** Reports an undecided rule if the reason is a measurement that is text. */
  private reportText(rule: CompiledRule, { trigger, reading }: Observation): void {
    if (trigger !== 'reading' || this.counts.onText === undefined) return;
    const name = textForNumber(rule, reading);
    if (name !== undefined) this.counts.onText(rule, this.device, name, reading);
  }

  /** Whether another replica has evaluated a newer version of the rule: this version must not reset its state. */
  private isBehind(rule: CompiledRule, before: RuleState | undefined): boolean {
    return before !== undefined && before.since > rule.since;
  }

  private wake(at: number): void {
    if (this.wakeAt === undefined || at < this.wakeAt) this.wakeAt = at;
  }

  private setLastCommand(
    rule: CompiledRule,
    command: DecidedCommand,
    raise: boolean | undefined,
    commandedBefore: RuleState | undefined,
  ): void {
    this.lastCommands ??= new LastCommands();
    this.lastCommands.set(rule, command, raise, commandedBefore);
  }

  /** The state of a rule, if the device has got the command of its verdict and has not restarted since. */
  private commandedState(rule: CompiledRule, state: RuleState | undefined): RuleState | undefined {
    const isInForce = state?.since === rule.since && hasActuated(state) && !hasRestarted(this.device, state);
    return isInForce ? state : undefined;
  }

  /** Ends the batch: drops commands that only repeat the device's command from before it. */
  conclude(): void {
    if (this.lastCommands === undefined) return;
    const { rules, targets } = this.device;
    const others = [...rules, ...targets, ...this.individualCommands];
    for (const [id, state] of this.lastCommands.dropRepeated(this.states, others)) {
      this.setState(id, state);
      // With the restored state, a pending hold may end earlier.
      if (state.held !== undefined) this.wake(this.now + 1);
    }
  }

  private vote(observation: Observation): void {
    const { device, counts } = this;
    const scope = { ...observation, device: device.address };
    const { fleet } = device.address;
    for (const rule of device.quorums) {
      const before = this.states[rule.id];
      if (observation.ageMs > rule.maxAgeMs || this.isBehind(rule, before)) continue;
      if (counts.time?.isSuspended(rule, this.now)) {
        counts.budget_exceeded += 1;
        continue;
      }
      let vote: ReturnType<typeof voteOf>;
      const started = this.profile === undefined ? 0 : performance.now();
      try {
        vote = voteOf(rule, before?.since === rule.since ? before.raised : undefined, scope);
        // eslint-disable-next-line no-restricted-syntax -- a failing rule is reported to its owner
      } catch (error) {
        counts.error += 1;
        counts.onError(rule, device, (error as Error).message);
        continue;
      } finally {
        this.profile?.add(rule, performance.now() - started);
      }
      if (vote === undefined) {
        this.reportText(rule, observation);
        continue;
      }
      // While a run of an earlier version on this sensor has not ended, this key holds its state.
      const isFree = before?.since === rule.since || before?.runUntil === undefined;
      if (isFree && typeof vote === 'boolean' && (before?.since !== rule.since || before.raised !== vote))
        this.setState(rule.id, { since: rule.since, raised: vote, at: this.now });
      this.votesByRule ??= new Map();
      this.votesByRule.set(rule, {
        groupKey: groupKey(fleet, rule.id),
        vote: `${Number(vote)},${rule.since}`,
      });
    }
  }

  /** The last vote of the batch in each quorum. */
  get votes(): readonly Vote[] {
    return this.votesByRule === undefined ? NONE : [...this.votesByRule.values()];
  }
  get voted(): readonly CompiledRule[] {
    return this.votesByRule === undefined ? NONE : [...this.votesByRule.keys()];
  }

  /** Re-asserts the commands of quorums that command this device. */
  private reassert(observation: Observation, origin: CommandOrigin): void {
    const { device, now } = this;
    const { fleet, shard } = device.address;
    for (const rule of device.targets) {
      const group = this.groupStates?.of({ fleet, rule: rule.id });
      if (group === undefined) continue;
      const key = targetKey(rule.id);
      const before = this.states[key];
      if (this.isBehind(rule, before)) continue;
      const { state, emit, raise, restartedAt } = reassertTarget(
        rule,
        group,
        before,
        { ...observation, device },
        now,
      );
      if (state !== before) this.setState(key, state);
      if (emit === undefined) continue;
      const because = targetEvidenceOf(rule, group, before, observation, device, emit, now);
      const command = commandOf(rule, { action: emit, raise, because, restartedAt }, shard, origin);
      this.setLastCommand(rule, command, raise, undefined);
    }
  }

  private setState(key: string, state: RuleState | undefined): void {
    if (state !== undefined) {
      this.states = { ...this.states, [key]: state };
      return;
    }
    const { [key]: _, ...others } = this.states;
    this.states = others;
  }

  commands(): readonly DecidedCommand[] {
    if (this.lastCommands === undefined) return this.individualCommands;
    return [...this.individualCommands, ...this.lastCommands.commands()];
  }

  /** The timer to write: after a timer always the exact next one; after a reading only one that is earlier than the cached one. */
  timer(byTimer: boolean): Timer | undefined {
    const { device, wakeAt, now } = this;
    if (byTimer) {
      device.timer = wakeAt;
      return { at: wakeAt, exact: true };
    }
    if (wakeAt === undefined) return undefined;
    if (device.timer !== undefined && now < device.timer && device.timer <= wakeAt) return undefined;
    device.timer = wakeAt;
    return { at: wakeAt, exact: false };
  }
}
