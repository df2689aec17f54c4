import { parseEdgeReport } from '@lamplighter/contracts/edge/edge';
import type { Reading } from '@lamplighter/contracts/telemetry/reading';
import { hasRestarted } from '@lamplighter/evaluation/clauses/commands/reassert';
import { hasActuated } from '@lamplighter/evaluation/clauses/stops/settle';
import type { Observation } from '@lamplighter/evaluation/context/evaluation-context';
import type { RuleState } from '@lamplighter/evaluation/context/rule-state';
import { evaluate } from '@lamplighter/evaluation/evaluate/evaluate';
import { evidenceOf } from '@lamplighter/evaluation/evaluate/evidence';
import { endEvidenceOf, pendingEndOf, withPromisedEnd } from '@lamplighter/evaluation/evaluate/promised-end';
import { voteOf } from '@lamplighter/evaluation/quorum/quorum';
import { targetEvidenceOf } from '@lamplighter/evaluation/quorum/quorum-evidence';
import { reassertTarget, targetKey } from '@lamplighter/evaluation/quorum/quorum-target';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import { groupKey } from '@lamplighter/store/keys';
import type { Timer } from '@lamplighter/store/rules/timers';
import type { Vote } from '@lamplighter/store/rules/vote';
import type { Arrival, NewReading } from '@lamplighter/store/telemetry/reading-order';
import { commandOf, type DecidedCommand, endingCommandOf, type Occasion } from './decided-command.js';
import type { GroupVerdicts } from './group-verdicts.js';
import { type KnownDevice, RULE_PROPAGATION_MS } from './known-device.js';
import { LastCommands } from './last-commands.js';
import { stateFromEdge } from './state-from-edge.js';
import { textForNumber } from './text-for-number.js';

/** A reading on its way through one batch. */
export interface PendingReading extends NewReading, Occasion, Arrival {
  readonly reading: Reading;
  /** Whether the store says that it is newer than the last state; undefined before the store was asked. */
  readonly isLive: boolean | undefined;
  /** How old it is by the device's clock, milliseconds; 0 without one. */
  readonly ageMs: number;
}

/** Counts of verdicts, for the metrics, and what went wrong. */
export interface Verdicts {
  matched: number;
  unmatched: number;
  undecided: number;
  error: number;
  budget_exceeded: number;
  readonly onError: (rule: CompiledRule, device: KnownDevice, message: string) => void;
  /** A rule could not decide, because a measurement is text. */
  readonly onText?: (rule: CompiledRule, device: KnownDevice, name: string, reading: Reading) => void;
}

/** A replica whose rules are old looks again after so long, milliseconds: by then it has read the new ones. */
const BEHIND_MS = 1000;

const NOTHING: readonly never[] = [];
const NOTHING_YET: Readonly<Record<string, never>> = {};

/** A state of an earlier release does not say how its run ends: then the present version of its rule does. */
function promising(rule: CompiledRule | undefined, state: RuleState): RuleState {
  return rule === undefined ? state : withPromisedEnd(rule, state);
}

/** What the rules make of one device's readings. */
export class RuleEvaluation {
  states: Readonly<Record<string, RuleState>>;
  private ballot: Map<CompiledRule, Vote> | undefined;
  private readonly every: DecidedCommand[] = [];
  private lastCommands: LastCommands | undefined;
  private wakeAt: number | undefined;

  constructor(
    private readonly device: KnownDevice,
    private readonly now: number,
    private readonly verdicts: Verdicts,
    private readonly groupVerdicts: Pick<GroupVerdicts, 'of'> | undefined,
  ) {
    this.states = device.states;
  }

  /** A reading that is newer than the last state. */
  evaluateReading(pending: PendingReading): void {
    const { reading, at, ageMs, isReplayed } = pending;
    const { device, now } = this;
    const { history } = device;
    const last = history?.newest?.reading;
    history?.push({ at: at ?? now, receivedAt: now, reading });
    if (isReplayed) return; // history, which is not judged
    if (reading._edge !== undefined) this.resumeFromEdge(reading._edge);
    const observation: Observation = {
      trigger: 'reading',
      reading,
      ageMs,
      heardAt: now,
      ...(history !== undefined && { last: last ?? NOTHING_YET, window: history }),
    };
    this.evaluateRules(observation, pending);
    if (device.quorums.length > 0) this.vote(observation);
    if (device.targets.length > 0) this.reassert(observation, pending);
  }

  /** The device has gone by a rule itself while its link was down: from there the rule goes on. */
  private resumeFromEdge(reported: unknown): void {
    const report = parseEdgeReport(reported);
    const rule = report?.state && this.device.rules.find(({ id }) => id === report.rule);
    if (report?.state === undefined || rule === undefined) return;
    const state = stateFromEdge(rule, this.states[rule.id], report.state, this.now);
    if (state === undefined) return;
    this.setState(rule.id, withPromisedEnd(rule, state));
    this.lastCommands?.replaced(rule);
  }

  /** No reading: the last state is judged once more. */
  evaluateTimer(listeningSince: number): void {
    const { history } = this.device;
    const newest = history?.newest;
    const observation: Observation = {
      trigger: 'timer',
      reading: newest?.reading ?? {},
      // By its device's clock it may have been old when it came.
      ageMs: newest === undefined ? 0 : this.now - Math.min(newest.receivedAt, newest.at),
      heardAt: history?.heardAt ?? 0,
      listeningSince,
      longestIntervalMs: this.device.longestIntervalMs,
      ...(history !== undefined && { last: history.beforeNewest?.reading ?? NOTHING_YET, window: history }),
    };
    // Without any reading only its silence can be judged.
    const rules =
      newest === undefined
        ? this.device.rules.filter(({ absenceMs }) => absenceMs !== undefined)
        : this.device.rules;
    this.evaluateRules(observation, { takenAt: performance.now(), traceparent: undefined }, rules);
    // The timer that was due may be of a rule that is not known here yet, and must not be lost.
    if (this.device.wasEvaluatedElsewhere(this.now)) this.wake(this.now + BEHIND_MS);
  }

  private evaluateRules(observation: Observation, occasion: Occasion, rules = this.device.rules): void {
    const { device, now, verdicts } = this;
    this.wakeAt = undefined;
    const ended = this.endLeftovers(occasion);
    for (const rule of rules) {
      const before = this.states[rule.id];
      // The next reading begins from scratch; this one may be older than the end of the run.
      if (ended.includes(rule.id)) {
        if (rule.absenceMs !== undefined) this.wake(now + 1);
        continue;
      }
      if (this.isBehind(rule, before)) {
        this.wake(now + BEHIND_MS);
        continue;
      }
      const { state, emit, raise, result, error, wakeAt, promised, reason } = evaluate(
        rule,
        before,
        observation,
        device,
        now,
      );
      verdicts[result] += 1;
      if (error !== undefined) verdicts.onError(rule, device, error);
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
          ? commandOf(rule, { action: emit, raise, because, restartedAt }, shard, occasion)
          : endingCommandOf({ id: rule.id, rule }, promised, because, shard, occasion);
      if (rule.mode === 'every' || device.lesson) this.every.push(command);
      else {
        const standing = reason === 'change' ? this.commandedState(rule, before) : undefined;
        this.setLastCommand(rule, command, raise, standing);
      }
    }
  }

  /**
   * Ends what rules have started that no longer judge this device, or not in that version: runs when their time has come, verdicts that
   * are to be taken back at once. Waits that have led to no command are forgotten. @returns the rules of which something was ended
   */
  private endLeftovers(occasion: Occasion): readonly string[] {
    const { device, now } = this;
    const left = device.leftoversIn(this.states);
    if (left.length === 0) return NOTHING;
    const ended: string[] = [];
    for (const id of left) {
      const state = this.states[id]!;
      // A replica that knows the version judges by it; but an end is not put off for longer than any replica needs to learn of it.
      const isOverdue = state.runUntil !== undefined && now - state.runUntil > RULE_PROPAGATION_MS;
      if (device.ruleBook.isBehind(state.since) && !isOverdue) {
        this.wake(now + BEHIND_MS);
        continue;
      }
      const rule = device.ruleBook.get(id);
      const leftover = pendingEndOf(promising(rule, state), now, device.releaseOf(id, state));
      if (leftover?.kind === 'wait') this.wake(leftover.until);
      if (leftover?.kind === 'end') {
        const because = endEvidenceOf(leftover, device.departureOf(id), state, device, now);
        this.every.push(endingCommandOf({ id, rule }, leftover.end, because, device.address.shard, occasion));
        this.setState(id, undefined);
        ended.push(id);
      } else if (state.held !== undefined) this.setState(id, { ...state, held: undefined, band: undefined });
    }
    return ended;
  }

  /** Says so if a rule cannot decide because a measurement is text. */
  private reportText(rule: CompiledRule, { trigger, reading }: Observation): void {
    if (trigger !== 'reading' || this.verdicts.onText === undefined) return;
    const name = textForNumber(rule, reading);
    if (name !== undefined) this.verdicts.onText(rule, this.device, name, reading);
  }

  /** Another replica has already evaluated a newer version of the rule: an older version must not reset its state. */
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
    standing: RuleState | undefined,
  ): void {
    this.lastCommands ??= new LastCommands();
    this.lastCommands.set(rule, command, raise, standing);
  }

  /** The state of a rule, if the device has been commanded its verdict, and has not restarted since. */
  private commandedState(rule: CompiledRule, state: RuleState | undefined): RuleState | undefined {
    const isStanding = state?.since === rule.since && hasActuated(state) && !hasRestarted(this.device, state);
    return isStanding ? state : undefined;
  }

  /** Ends the batch: what only repeats what the device was commanded before it is not commanded. */
  conclude(): void {
    if (this.lastCommands === undefined) return;
    const { rules, targets } = this.device;
    const others = [...rules, ...targets, ...this.every];
    for (const [id, state] of this.lastCommands.takeBackRepeated(this.states, others)) {
      this.setState(id, state);
      // A verdict that waits may be believed sooner by the state that stands.
      if (state.held !== undefined) this.wake(this.now + 1);
    }
  }

  private vote(observation: Observation): void {
    const { device } = this;
    const scope = { ...observation, device: device.address };
    const { fleet } = device.address;
    for (const rule of device.quorums) {
      const before = this.states[rule.id];
      if (observation.ageMs > rule.maxAgeMs || this.isBehind(rule, before)) continue;
      let vote: ReturnType<typeof voteOf>;
      try {
        vote = voteOf(rule, before?.since === rule.since ? before.raised : undefined, scope);
        // eslint-disable-next-line no-restricted-syntax -- a failing rule is reported to its owner
      } catch (error) {
        this.verdicts.error += 1;
        this.verdicts.onError(rule, device, (error as Error).message);
        continue;
      }
      if (vote === undefined) {
        this.reportText(rule, observation);
        continue;
      }
      // Until an earlier version's run on this sensor has ended, its end is what is remembered under this name.
      const isFree = before?.since === rule.since || before?.runUntil === undefined;
      if (isFree && typeof vote === 'boolean' && (before?.since !== rule.since || before.raised !== vote))
        this.setState(rule.id, { since: rule.since, raised: vote, at: this.now });
      this.ballot ??= new Map();
      this.ballot.set(rule, { groupKey: groupKey(fleet, rule.id), vote: `${Number(vote)},${rule.since}` });
    }
  }

  /** The last vote of the batch in each quorum. */
  get votes(): readonly Vote[] {
    return this.ballot === undefined ? NOTHING : [...this.ballot.values()];
  }
  get voted(): readonly CompiledRule[] {
    return this.ballot === undefined ? NOTHING : [...this.ballot.keys()];
  }

  /** What quorums have commanded and the device does not do, it is told again, if its time has come. */
  private reassert(observation: Observation, occasion: Occasion): void {
    const { device, now } = this;
    const { fleet, shard } = device.address;
    for (const rule of device.targets) {
      const group = this.groupVerdicts?.of({ fleet, rule: rule.id });
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
      const command = commandOf(rule, { action: emit, raise, because, restartedAt }, shard, occasion);
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
    if (this.lastCommands === undefined) return this.every;
    return [...this.every, ...this.lastCommands.commands()];
  }

  /** A timer's verdict sets the next timer for good; a reading writes one only if it is believed to be earlier than what is set. */
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
