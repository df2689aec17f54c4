import { defaultLane } from '@lamplighter/contracts/commands/command';
import type { DeviceScope } from '@lamplighter/contracts/rules/device-scope';
import type { PromisedEnd } from '@lamplighter/evaluation/context/rule-state';
import type { Evidence } from '@lamplighter/evaluation/evaluate/evidence';
import {
  endEvidenceOf,
  type PendingEnd,
  pendingEndOf,
  withPromisedEnd,
} from '@lamplighter/evaluation/evaluate/promised-end';
import { groupEvidenceOf } from '@lamplighter/evaluation/quorum/quorum-evidence';
import {
  type EvaluatedGroup,
  evaluateGroup,
  type GroupState,
  isExpiredVote,
  parseGroupState,
} from '@lamplighter/evaluation/quorum/quorum-group';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { promiseCause } from '@lamplighter/store/commands/command-header';
import { commandJson } from '@lamplighter/store/commands/read-commands';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import {
  decideGroup,
  forgetGroup,
  type Group,
  type GroupCommands,
  type GroupName,
  readGroups,
  type TargetOutcome,
} from '@lamplighter/store/rules/groups';
import { readRule } from '@lamplighter/store/rules/rules';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { GroupStates } from '../cache/group-states.js';
import { DispatchService } from '../commands/dispatch.service.js';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { expectedEffect } from '../effects/expected-effect.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook, RuleBookStopped } from '../rule-book/rule-book.service.js';
import { RuleErrors } from '../rule-book/rule-errors.service.js';
import type { RuleSet } from '../rule-book/rule-set.js';
import { RulesErrors } from '../rules-errors.js';
import { LOGGER, REDIS } from '../tokens.js';
import { ListeningService } from './listening.service.js';
import { type MarkedGroup, type RoundHandler, Rounds, type Trigger } from './rounds.js';
import { TargetFinder } from './targets.js';

/**
 * Decides quorums. A vote is stored with its reading and only marks its group here, which costs one map entry. Marked groups are decided
 * together, at most every 100 ms, from the votes at that time. A decision counts every vote, but the number of decisions does not grow
 * with the number of readings: a thousand sensors that report once a second cause ten decisions of a thousand votes, ten votes per
 * reading; a hundred sensors also ten. So the cost per reading is constant. With very many groups the rounds become less frequent.
 */
@Injectable()
export class GroupsService implements OnApplicationBootstrap, OnApplicationShutdown, RoundHandler {
  private readonly rounds = new Rounds(this);
  private readonly targets: TargetFinder;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly listening: ListeningService,
    private readonly book: RuleBook,
    private readonly dispatch: DispatchService,
    private readonly errors: RuleErrors,
    private readonly recorder: RulesCommandRecorder,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly groupStates: GroupStates,
  ) {
    this.targets = new TargetFinder(redis);
  }

  onApplicationBootstrap(): void {
    // A group without votes may be lost, too: the first check starts the period in which votes may arrive.
    this.book.onRead((fleet, rules, before) => {
      for (const { id, since } of rules.groups)
        if (before?.get(id)?.since !== since) this.markVoted(fleet, id);
      for (const { rule, end } of rules.releases) if (end.targets !== undefined) this.markVoted(fleet, rule);
    });
  }

  /** Stops deciding. Groups that are still marked are marked again by their next reading or timer. */
  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
  }

  /** Marks a group with a new vote. Cheap enough for every reading. */
  markVoted(fleet: string, rule: string): void {
    this.rounds.mark(fleet, rule, 'reading');
  }

  /** Marks a group whose timer is due; the decision sets the next one. */
  markDue(fleet: string, rule: string): void {
    this.rounds.mark(fleet, rule, 'timer');
  }

  failed(error: Error, failures: number): void {
    if (error instanceof RuleBookStopped) return;
    if (storeFailure(error) === undefined)
      this.unexpected.report('groups', error, 'a round of quorum decisions failed; retrying');
    else if (failures === 1)
      this.logger.warn({ reason: error.message }, 'cannot decide quorums; waiting for Redis');
    this.listening.markInterrupted(); // readings cannot be stored either
  }

  async decide(marked: readonly MarkedGroup[]): Promise<void> {
    await this.book.ready(marked.map(({ fleet }) => fleet));
    const { now, groups } = await this.metrics.storeCall('groups', () => readGroups(this.redis, marked));
    for (const [i, group] of groups.entries()) {
      const { fleet, rule, trigger } = marked[i]!;
      try {
        if (!(await this.decideOne(group, trigger, now))) this.rounds.mark(fleet, rule, trigger);
      } catch (error) {
        if (storeFailure(error) !== undefined) throw error;
        // One failing group must not block the others.
        this.unexpected.report('groups', error, 'cannot decide a quorum; continuing with the others', {
          fleet,
          rule,
        });
      }
    }
  }

  /** @returns false if the group must be decided again: another replica decided meanwhile, or has read a newer rule */
  private async decideOne(group: Group, trigger: Trigger, now: number): Promise<boolean> {
    const { fleet, version, votes } = group;
    const rules = this.book.setOf(fleet)!;
    const rule = rules.get(group.rule);
    const before = parseGroupState(group.state);
    const pending = orphanedEndOf(rules, group.rule, before, now);
    if (pending?.kind === 'end') return this.endOrphanedState(group, before!, pending, now);
    if (pending?.kind === 'wait') return this.waitForRun(group, trigger, pending.until);
    if (rule?.quorum === undefined) return this.closeGroup(group, trigger);
    const listeningSince = now - this.listening.listeningMs;
    const evaluated = evaluateGroup(rule, before, votes, { fleet, trigger, now, listeningSince });
    if (evaluated === undefined) return false;
    this.count(rule, group, evaluated);
    const forget = votes.filter((vote) => isExpiredVote(rule, vote, now));
    const commands = await this.commandsOf(rule, group, evaluated, trigger, now);
    const state = addMissingEnd(rule, evaluated.state);
    const isChanged = state !== before;
    if (!isChanged && commands === undefined && forget.length === 0 && !needsTimer(group, evaluated, trigger))
      return true;
    const decision = {
      fleet,
      rule: rule.id,
      version,
      state: isChanged ? JSON.stringify(state) : '',
      timer: evaluated.wakeAt,
      forget,
      commands,
    };
    const outcomes = await this.metrics.storeCall('groups', () => decideGroup(this.redis, decision));
    this.metrics.quorumWrites.inc({ result: outcomes === undefined ? 'conflict' : 'written' });
    if (outcomes === undefined) return false;
    this.groupStates.set(group, state);
    this.recordOutcomes(rule, fleet, outcomes);
    return true;
  }

  private async commandsOf(
    rule: CompiledRule,
    { fleet, votes }: Group,
    evaluated: EvaluatedGroup,
    trigger: Trigger,
    now: number,
  ): Promise<GroupCommands | undefined> {
    const { emit, promised } = evaluated;
    if (emit === undefined) return undefined;
    const because = groupEvidenceOf(rule, evaluated, votes, { fleet, trigger, now });
    if (promised !== undefined) return this.endingCommands({ fleet, rule: rule.id }, promised, because);
    const targets = await this.targetsOf(fleet, rule, rule.target ?? rule.scope);
    const expected = expectedEffect(rule, evaluated.raise);
    return {
      targets,
      lane: rule.lane ?? defaultLane(emit),
      policy: rule.policy,
      ttl: rule.ttlMs,
      timeoutMs: rule.timeoutMs,
      attempts: rule.attempts,
      onFailure: rule.onFailure,
      json: commandJson({ source: 'rule', rule: rule.id, because, expected }, emit),
      cause: `rule:${rule.id}`,
    };
  }

  /** Commands that end a run or release a verdict, for the devices that got a command. */
  private async endingCommands(
    { fleet, rule }: GroupName,
    end: PromisedEnd,
    because: Evidence,
  ): Promise<GroupCommands> {
    const { action, lane, policy, ttlMs, timeoutMs, attempts, onFailure, version } = end;
    return {
      targets: await this.targetsOf(fleet, { id: rule, version }, end.targets ?? []),
      lane,
      policy,
      ttl: ttlMs,
      timeoutMs,
      attempts,
      onFailure,
      json: commandJson({ source: 'rule', rule, because }, action),
      cause: promiseCause(rule),
    };
  }

  private async targetsOf(
    fleet: string,
    rule: { readonly id: string; readonly version: number },
    scope: DeviceScope,
  ): Promise<readonly string[]> {
    const { devices, isCut } = await this.targets.find(fleet, scope);
    if (isCut) {
      this.metrics.dropped.inc({ reason: 'too_many_targets' });
      const message = `the target has more than ${devices.length} devices; only the first ${devices.length} by name get commands`;
      this.errors.report(fleet, rule, undefined, message);
    }
    return devices;
  }

  /** Ends the run or verdict of another version of the rule. @returns false, so that the current version is evaluated next */
  private async endOrphanedState(
    group: Group,
    before: GroupState,
    pending: Extract<PendingEnd, { kind: 'end' }>,
    now: number,
  ): Promise<false> {
    const { fleet, rule: id, version } = group;
    const rules = this.book.setOf(fleet)!;
    const device = { address: { fleet, device: '' }, acknowledges: true, lesson: false };
    const because = endEvidenceOf(pending, rules.endReasonOf(id), before.rule, device, now);
    const commands = await this.endingCommands(group, pending.end, because);
    const state = { since: before.since, begun: before.begun };
    const decision = {
      fleet,
      rule: id,
      version,
      state: JSON.stringify(state),
      timer: now,
      forget: [],
      commands,
    };
    const outcomes = await this.metrics.storeCall('groups', () => decideGroup(this.redis, decision));
    this.metrics.quorumWrites.inc({ result: outcomes === undefined ? 'conflict' : 'written' });
    if (outcomes === undefined) return false;
    this.groupStates.set(group, state);
    this.recordOutcomes({ id }, fleet, outcomes);
    return false;
  }

  /** Waits for the run of another version: nothing is decided until it ends. */
  private async waitForRun(group: Group, trigger: Trigger, until: number): Promise<boolean> {
    if (trigger === 'reading' && group.timer !== undefined && group.timer <= until) return true;
    const outcomes = await decideGroup(this.redis, { ...group, state: '', timer: until, forget: [] });
    return outcomes !== undefined;
  }

  private count(rule: CompiledRule, { fleet }: Group, { tally, result, error }: EvaluatedGroup): void {
    this.metrics.quorumDecisions.inc({ outcome: tally.outcome });
    this.metrics.evaluations.inc({ result });
    if (error !== undefined) this.errors.report(fleet, rule, undefined, error);
  }

  /** Dispatches the stored commands immediately, and counts those that the store rejected by reason. */
  private recordOutcomes(
    { id: rule }: { readonly id: string },
    fleet: string,
    outcomes: readonly TargetOutcome[],
  ): void {
    for (const { device, id, state, ...overtaken } of outcomes) {
      if (state === 'fleet_full' || state === 'unreachable') this.metrics.dropped.inc({ reason: state });
      else this.recorder.recordEmitted({ id, fleet, device }, { state, ...overtaken }, `rule:${rule}`);
    }
    this.dispatch.wake(outcomes.filter(({ state }) => state === 'pending').map(({ shard }) => shard));
  }

  /** Handles a group whose rule is not in force: deletes it with its rule; if the rule is disabled, clears the timer until the next vote. */
  private async closeGroup(group: Group, trigger: Trigger): Promise<true> {
    const { fleet, rule } = group;
    const stored = await readRule(this.redis, fleet, rule);
    if (stored === undefined || ('rule' in stored && stored.rule.quorum === undefined)) {
      await forgetGroup(this.redis, { fleet, rule });
    } else if (trigger === 'timer') {
      await decideGroup(this.redis, { ...group, state: '', timer: undefined, forget: [] });
    }
    return true;
  }
}

/** Adds the promised end to a state of an earlier release, which lacks it. */
function addMissingEnd(rule: CompiledRule, state: GroupState): GroupState {
  if (state.rule === undefined) return state;
  const own = withPromisedEnd(rule, state.rule);
  return own === state.rule ? state : { ...state, rule: own };
}

/** The pending end of a run or verdict that another version of the quorum started. */
function orphanedEndOf(
  rules: RuleSet,
  id: string,
  state: GroupState | undefined,
  now: number,
): PendingEnd | undefined {
  const own = state?.rule;
  const rule = rules.get(id);
  if (state === undefined || rules.isBehind(state.since)) return undefined;
  const since = own?.since ?? state.since;
  if (rule?.quorum !== undefined && rule.since === since) return undefined;
  const released = rules.releaseOf(id, since);
  if (own === undefined || (state.safeAt !== undefined && own.runUntil === undefined))
    return released !== undefined && state.safeAt !== undefined
      ? { kind: 'end', end: released, by: 'release' }
      : undefined;
  return pendingEndOf(rule?.quorum === undefined ? own : withPromisedEnd(rule, own), now, released);
}

/** Whether the timer has to be written. It is not postponed with every vote, because an early timer costs only one evaluation. */
function needsTimer({ timer }: Group, { wakeAt }: EvaluatedGroup, trigger: Trigger): boolean {
  if (trigger === 'timer') return true; // the due timer must be replaced, or it fires again
  if (wakeAt === undefined) return timer !== undefined;
  return timer === undefined || timer > wakeAt;
}
