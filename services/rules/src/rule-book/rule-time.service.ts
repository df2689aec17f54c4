import { MIN_EVALUATIONS, RuleProfile } from '@lamplighter/evaluation/evaluate/rule-profile';
import type { CompiledRule } from '@lamplighter/evaluation/rule/compile-rule';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { Inject, Injectable } from '@nestjs/common';
import { Budget } from '../budget.js';
import { RulesMetrics } from '../metrics.js';
import { LOGGER } from '../tokens.js';
import { RuleErrors } from './rule-errors.service.js';

/** Share of this process that the rules of one fleet can use. */
const SHARE = 0.3;
const BURST_MS = 1000;
/** Rules of a fleet beyond its share are timed for this much of their own time, ms, and at least this many readings. */
const PROFILE_MS = 200;
const PROFILE_READINGS = MIN_EVALUATIONS;
/** Pause between profiles of a fleet that found no expensive rule, ms. */
const PROFILE_PAUSE_MS = 10_000;
/** An expensive rule is not evaluated for this long, ms; then it gets another chance. */
export const SUSPENSION_MS = 300_000;
/** Fleets with a budget. Beyond this all budgets start again. */
const MAX_FLEETS = 10_000;

interface DeviceName {
  readonly fleet: string;
  readonly device: string;
}

interface FleetTime {
  readonly budget: Budget;
  profile: RuleProfile<CompiledRule> | undefined;
  /** Readings in the profile. */
  readings: number;
  /** When the profile started or, after one, when the next can start; monotonic time, ms. */
  since: number;
}

/**
 * The time that the rules of each fleet take in this replica. When those of a fleet exceed their share, the expensive ones are suspended:
 * they are not evaluated for a while, and the API shows why.
 */
@Injectable()
export class RuleTime {
  private readonly fleets = new Map<string, FleetTime>();
  private readonly suspended = new Map<CompiledRule, number>();
  /** Of the evaluation in progress. Evaluations are synchronous. */
  private current: FleetTime | undefined;
  private startedAt = 0;

  constructor(
    private readonly errors: RuleErrors,
    private readonly metrics: RulesMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Whether a rule is suspended. @param now server time, ms */
  isSuspended(rule: CompiledRule, now: number): boolean {
    if (this.suspended.size === 0) return false;
    const until = this.suspended.get(rule);
    if (until === undefined) return false;
    if (now < until) return true;
    this.suspended.delete(rule);
    return false;
  }

  /** Starts the evaluation of a reading. @returns where to record the time of each rule, if those of the fleet exceed their share */
  begin(fleet: string): RuleProfile<CompiledRule> | undefined {
    this.current = this.fleets.get(fleet) ?? this.add(fleet);
    this.startedAt = performance.now();
    return this.current.profile;
  }

  /** Ends the evaluation and charges its time. */
  end(address: DeviceName): void {
    const now = performance.now();
    this.charge(this.current!, address, now - this.startedAt, now);
  }

  private charge(time: FleetTime, address: DeviceName, ms: number, now: number): void {
    time.budget.charge(ms, now);
    if (time.profile !== undefined) {
      time.readings += 1;
      if (time.profile.totalMs >= PROFILE_MS && time.readings >= PROFILE_READINGS)
        this.suspendOffenders(address, time, now);
    } else if (time.budget.isSpent(now) && now >= time.since) {
      time.profile = new RuleProfile();
      time.readings = 0;
      time.since = now;
    }
  }

  private add(fleet: string): FleetTime {
    if (this.fleets.size >= MAX_FLEETS) this.fleets.clear();
    const time: FleetTime = {
      budget: new Budget(1000 * SHARE, BURST_MS),
      profile: undefined,
      readings: 0,
      since: Number.NEGATIVE_INFINITY,
    };
    this.fleets.set(fleet, time);
    return time;
  }

  private suspendOffenders({ fleet, device }: DeviceName, time: FleetTime, now: number): void {
    const offenders = time.profile!.offenders((now - time.since) * SHARE);
    time.profile = undefined;
    time.since = offenders.length === 0 ? now + PROFILE_PAUSE_MS : now;
    const until = Date.now() + SUSPENSION_MS;
    this.removeExpired();
    for (const { rule, meanMs } of offenders) {
      this.suspended.set(rule, until);
      this.metrics.rulesSuspended.inc();
      const message = `suspended for ${SUSPENSION_MS / 60_000} minutes: an evaluation takes ${meanMs.toFixed(1)} ms, and the rules of the fleet together take more than ${100 * SHARE} % of the service's time`;
      this.errors.report(fleet, rule, device, message);
      this.logger.warn(
        { fleet, rule: rule.id, version: rule.version, meanMs },
        'suspended an expensive rule',
      );
    }
  }

  private removeExpired(): void {
    const now = Date.now();
    for (const [rule, until] of this.suspended) if (now >= until) this.suspended.delete(rule);
  }
}
