import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { type FleetErrors, type RuleError, recordRuleErrors } from '@lamplighter/store/rules/rule-errors';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { REDIS } from '../tokens.js';

/** Failed rules that are recorded per second; further ones are only counted. */
const MAX_RULES = 1000;
const WRITE_EVERY_MS = 1000;

/** Stores the last error of each rule for the API, in one write per second. */
@Injectable()
export class RuleErrors implements OnApplicationShutdown {
  private fleets = new Map<string, Map<string, RuleError>>();
  private size = 0;
  private readonly timer = setInterval(() => this.write(), WRITE_EVERY_MS);

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
  ) {
    this.timer.unref();
  }

  /**
   * Reports a failed rule. Cheap enough for the hot path.
   * @param rule its id and version; version 0 if its record cannot be read
   * @param device the device that it was evaluated for, if any
   */
  report(
    fleet: string,
    { id, version }: { readonly id: string; readonly version: number },
    device: string | undefined,
    message: string,
  ): void {
    let errors = this.fleets.get(fleet);
    const before = errors?.get(id);
    if (before === undefined && this.size >= MAX_RULES) return;
    if (errors === undefined) {
      errors = new Map();
      this.fleets.set(fleet, errors);
    }
    if (before === undefined) this.size += 1;
    const count = (before?.version === version ? before.count : 0) + 1;
    errors.set(id, { version, count, at: Date.now(), ...(device !== undefined && { device }), message });
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Errors that cannot be written are dropped; the metrics still count them. */
  private write(): void {
    if (this.size === 0) return;
    const fleets: FleetErrors[] = [...this.fleets].map(([fleet, errors]) => ({ fleet, errors }));
    this.fleets = new Map();
    this.size = 0;
    this.metrics
      .storeCall('rules', () => recordRuleErrors(this.redis, fleets))
      .catch((error: unknown) => {
        if (storeFailure(error) === undefined)
          this.unexpected.report('rule_book', error, 'cannot store rule errors; dropping them');
      });
  }
}
