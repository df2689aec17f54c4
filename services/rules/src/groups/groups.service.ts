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
  isForgotten,
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
import { DispatchService } from '../commands/dispatch.service.js';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { expectedEffect } from '../effects/expected-effect.js';
import { GroupVerdicts, parseGroupState } from '../evaluation/group-verdicts.js';
import { RulesMetrics } from '../metrics.js';
import { RuleBook, RuleBookStopped } from '../rule-book/rule-book.service.js';
import { RuleErrors } from '../rule-book/rule-errors.service.js';
import type { RuleSet } from '../rule-book/rule-set.js';
import { RulesErrors } from '../rules-errors.js';
import { LOGGER, REDIS } from '../tokens.js';
import { ListeningService } from './listening.service.js';
import { type MarkedGroup, Rounds, type RoundsObserver, type Trigger } from './rounds.js';
import { TargetFinder } from './targets.js';

/**
 * Decides quorums. A vote is stored with the reading that it comes from, and only marks its group here: `touched` costs one entry in
 * a map. All that is marked is decided together, at most every 100 ms, from the votes as they are then. A decision looks at every
 * vote, but the number of decisions in a second does not grow with the readings in it: a thousand sensors that speak once a second
 * cost ten decisions of a thousand votes, which is ten votes looked at per reading, as it is with a hundred sensors. So the cost
 * of a reading is constant, and where there are so many groups that this would be too much, the rounds become rarer, not longer.
 */
@Injectable()
export class GroupsService implements OnApplicationBootstrap, OnApplicationShutdown, RoundsObserver {
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
    private readonly groupVerdicts: GroupVerdicts,
  ) {
    this.targets = new TargetFinder(redis);
  }

  onApplicationBootstrap(): void {
    // A group without any vote yet may also be lost: the first check starts the time in which votes may arrive.
    this.book.onRead((fleet, rules, before) => {
      for (const { id, since } of rules.groups)
        if (before?.get(id)?.since !== since) this.markVoted(fleet, id);
      for (const { rule, end } of rules.releases) if (end.targets !== undefined) this.markVoted(fleet, rule);
    });
  }

  /** Decides no more. What is marked is found again: by the next reading, or by its timer. */
  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
  }

  /** A vote of this group was stored. Cheap enough forevery reading. */
  markVoted(fleet: string, rule: string): void {
    this.rounds.mark(fleet, rule, 'reading');
  }

  /** The timer of this group is due; what is decided sets the next one. */
  markDue(fleet: string, rule: string): void {
    this.rounds.mark(fleet, rule, 'timer');
  }

  failed(error: Error, failures: number): void {
    if (error instanceof RuleBookStopped) return;
    if (storeFailure(error) === undefined)
      this.unexpected.report('groups', error, 'a round of quorum decisions failed; retrying');
    else if (failures === 1)
      this.logger.warn({ reason: error.message }, 'cannot decide quorums; waiting for Redis');
    this.listening.interrupted(); // readings could not be stored either
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
        // One group that cannot be decided must not hold up the others.
        this.unexpected.report('groups', error, 'cannot decide a quorum; continuing with the others', {
          fleet,
          rule,
        });
      }
    }
  }

  /** @returns false if another replica decided in between, or knows a newer rule: then it is to be decided again */
  private async decideOne(group: Group, trigger: Trigger, now: number): Promise<boolean> {
    const { fleet, version, votes } = group;
    const rules = this.book.setOf(fleet)!;
    const rule = rules.get(group.rule);
    const before = parseGroupState(group.state);
    const left = leftoverOfGroup(rules, group.rule, before, now);
    if (left?.kind === 'end') return this.endLeftover(group, before!, left, now);
    if (left?.kind === 'wait') return this.waitForRun(group, trigger, left.until);
    if (rule?.quorum === undefined) return this.closeGroup(group, trigger);
    const listeningSince = now - this.listening.listeningMs;
    const judged = evaluateGroup(rule, before, votes, { fleet, trigger, now, listeningSince });
    if (judged === undefined) return false;
    this.count(rule, group, judged);
    const forget = votes.filter((vote) => isForgotten(rule, vote, now));
    const commands = await this.commandsOf(rule, group, judged, trigger, now);
    const state = promising(rule, judged.state);
    const isChanged = state !== before;
    if (!isChanged && commands === undefined && forget.length === 0 && !needsTimer(group, judged, trigger))
      return true;
    const decision = {
      fleet,
      rule: rule.id,
      version,
      state: isChanged ? JSON.stringify(state) : '',
      timer: judged.wakeAt,
      forget,
      commands,
    };
    const outcomes = await this.metrics.storeCall('groups', () => decideGroup(this.redis, decision));
    this.metrics.quorumWrites.inc({ result: outcomes === undefined ? 'conflict' : 'written' });
    if (outcomes === undefined) return false;
    this.groupVerdicts.set(group, state);
    this.recordOutcomes(rule, fleet, outcomes);
    return true;
  }

  private async commandsOf(
    rule: CompiledRule,
    { fleet, votes }: Group,
    judged: EvaluatedGroup,
    trigger: Trigger,
    now: number,
  ): Promise<GroupCommands | undefined> {
    const { emit, promised } = judged;
    if (emit === undefined) return undefined;
    const because = groupEvidenceOf(rule, judged, votes, { fleet, trigger, now });
    if (promised !== undefined) return this.endingCommands({ fleet, rule: rule.id }, promised, because);
    const targets = await this.targetsOf(fleet, rule, rule.target ?? rule.scope);
    const expected = expectedEffect(rule, judged.raise);
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

  /** Commands that end what a version of the rule has started, for the devices that it had commanded. */
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
      const message = `the target has more than ${devices.length} devices: only the first by name were commanded`;
      this.errors.report(fleet, rule, undefined, message);
    }
    return devices;
  }

  /** Ends what another version of the rule has started. @returns false: then the group is looked at once more, for what follows */
  private async endLeftover(
    group: Group,
    before: GroupState,
    left: Extract<PendingEnd, { kind: 'end' }>,
    now: number,
  ): Promise<false> {
    const { fleet, rule: id, version } = group;
    const rules = this.book.setOf(fleet)!;
    const device = { address: { fleet, device: '' }, answers: true, lesson: false };
    const because = endEvidenceOf(left, rules.departureOf(id), before.rule, device, now);
    const commands = await this.endingCommands(group, left.end, because);
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
    this.groupVerdicts.set(group, state);
    this.recordOutcomes({ id }, fleet, outcomes);
    return false;
  }

  /** A run of another version goes on; nothing is decided before it has ended. */
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

  /** Commands go out from here at once; what the store did not take is counted by the reason. */
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

  /** The rule is not in force here. If it is gone, so is its group; if it is off, its group waits until a sensor votes again. */
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

/** The state with how its run is ended. */
function promising(rule: CompiledRule, state: GroupState): GroupState {
  if (state.rule === undefined) return state;
  const own = withPromisedEnd(rule, state.rule);
  return own === state.rule ? state : { ...state, rule: own };
}

/** What is to be done about what another version of a quorum has started. */
function leftoverOfGroup(
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

/** Whether the timer has to be written. One that is too early costs a look; so it is not put off with every vote. */
function needsTimer({ timer }: Group, { wakeAt }: EvaluatedGroup, trigger: Trigger): boolean {
  if (trigger === 'timer') return true; // the one that was due must go, or it comes again
  if (wakeAt === undefined) return timer !== undefined;
  return timer === undefined || timer > wakeAt;
}
