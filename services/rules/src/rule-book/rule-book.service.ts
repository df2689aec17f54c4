import { backoffMs } from '@lamplighter/contracts/backoff';
import { CANARY_FLEET } from '@lamplighter/contracts/identity';
import type { Seed } from '@lamplighter/evaluation/rule/rule';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { readRevisions, readRules, readWrites, seedRules } from '@lamplighter/store/rules/rules';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { LOGGER, REDIS, SEEDS } from '../tokens.js';
import { compileSet, type FleetRules } from './compile-set.js';
import { fleetsWithQuorums } from './fleets-with-quorums.js';
import { RuleErrors } from './rule-errors.service.js';
import { RuleSet } from './rule-set.js';
import { seedsOf } from './seed-file.js';

/** How often Redis is asked whether any rule was written, milliseconds. */
const POLL_MS = 250;
/** Fleets whose rules are kept; those not requested lately are evicted, in two generations. */
const MAX_FLEETS = 10_000;
/** Fleets that are read at the same time. */
const READ_AT_ONCE = 32;
/** Longest wait between two attempts, milliseconds. */
const MAX_WAIT_MS = 2000;

const NO_RULES = new RuleSet([]);

/** Rules are no longer read, because the service stops. */
export class RuleBookStopped extends Error {
  override readonly name = 'RuleBookStopped';
}

/** A fleet whose rules are known here. */
interface KnownFleet extends FleetRules {
  readonly revision: number | undefined;
}

/**
 * The rules in force, fleet by fleet, as Redis has them. A fleet's rules are read when it is first heard of, and again within
 * a second of a write; at the start also those of fleets with quorums, whose sensors may be missed without ever being heard. While
 * Redis is unavailable the last rules stay in force.
 */
@Injectable()
export class RuleBook implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly fleets = new Map<string, KnownFleet>();
  private older = new Map<string, KnownFleet>();
  private readonly loading = new Map<string, Promise<void>>();
  private writes: string | null | undefined;
  /** As the last look had them; undefined before the first. */
  private revisions: ReadonlyMap<string, number> | undefined;
  private hasSearched = false;
  /** As they were read last, though what follows from that may not be done yet. */
  private latest: ReadonlyMap<string, number> = new Map();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failures = 0;
  private readonly listeners: ((fleet: string, rules: RuleSet, before: RuleSet | undefined) => void)[] = [];

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(SEEDS) private readonly seeds: readonly Seed[],
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly errors: RuleErrors,
  ) {}

  onApplicationBootstrap(): void {
    this.schedulePoll(POLL_MS);
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Calls back whenever the rules of a fleet have been read; `before` are those that were in force until then. */
  onRead(listener: (fleet: string, rules: RuleSet, before: RuleSet | undefined) => void): void {
    this.listeners.push(listener);
  }

  /** The present rules of a fleet; undefined until they are ready. */
  setOf(fleet: string): RuleSet | undefined {
    return fleet === CANARY_FLEET ? NO_RULES : this.find(fleet)?.set;
  }

  /** Settles when the rules of these fleets have been read; a fleet that is heard of for the first time is given its seeds. */
  async ready(fleets: Iterable<string>): Promise<void> {
    const missing = [...new Set(fleets)].filter((fleet) => this.setOf(fleet) === undefined);
    await this.loadAll(missing);
  }

  private find(fleet: string): KnownFleet | undefined {
    const found = this.fleets.get(fleet);
    if (found !== undefined) return found;
    const known = this.older.get(fleet);
    if (known !== undefined) this.keep(fleet, known);
    return known;
  }

  private keep(fleet: string, known: KnownFleet): void {
    if (!this.fleets.has(fleet) && this.fleets.size >= MAX_FLEETS / 2) {
      this.older = new Map(this.fleets);
      this.fleets.clear();
    }
    this.older.delete(fleet);
    this.fleets.set(fleet, known);
  }

  private async loadAll(fleets: readonly string[]): Promise<void> {
    for (let first = 0; first < fleets.length; first += READ_AT_ONCE) {
      await Promise.all(fleets.slice(first, first + READ_AT_ONCE).map((fleet) => this.loadOnce(fleet)));
    }
    if (fleets.length > 0) this.count();
  }

  private loadOnce(fleet: string): Promise<void> {
    let loading = this.loading.get(fleet);
    if (loading === undefined) {
      loading = this.untilLoaded(fleet).finally(() => this.loading.delete(fleet));
      this.loading.set(fleet, loading);
    }
    return loading;
  }

  /** Telemetry of a fleet waits for its rules, as it would wait for Redis anyway. */
  private async untilLoaded(fleet: string): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      // Nobody may judge without rules, as if there were none: what waits for them stays unanswered.
      if (this.stopped) throw new RuleBookStopped();
      try {
        return await this.metrics.storeCall('rules', () => this.loadLatest(fleet));
      } catch (error) {
        if (storeFailure(error) === undefined) return this.giveUp(fleet, error as Error);
        // What is in force stays so, and the next poll sees that it is old.
        if (this.find(fleet) !== undefined) throw error;
        await new Promise((resolve) =>
          setTimeout(resolve, backoffMs(failures, { firstMs: 50, maxMs: MAX_WAIT_MS })),
        );
      }
    }
  }

  /** Reads what was written meanwhile, too: the look that saw it takes this reading for its own. */
  private async loadLatest(fleet: string): Promise<void> {
    let read: number | undefined;
    let before: number | undefined;
    do {
      before = read;
      await this.load(fleet);
      read = this.find(fleet)?.revision;
      // The same twice: Redis has lost what was written, and does not bring it back.
    } while (read !== undefined && read !== before && read < (this.latest.get(fleet) ?? 0));
  }

  private async load(fleet: string): Promise<void> {
    let stored = await readRules(this.redis, fleet);
    if (stored.revision === undefined) {
      await seedRules(this.redis, fleet, seedsOf(this.seeds, fleet));
      stored = await readRules(this.redis, fleet);
    }
    const { revision } = stored;
    const before = this.find(fleet);
    const rules = await compileSet(stored, before);
    for (const { error, ...rule } of rules.unusable) this.errors.report(fleet, rule, undefined, error);
    if (rules.unusable.length > 0)
      this.logger.warn(
        { fleet, rules: rules.unusable.map(({ id }) => id) },
        'rules that cannot be used are left out',
      );
    this.keep(fleet, { ...rules, revision });
    for (const listener of this.listeners) listener(fleet, rules.set, before?.set);
    this.metrics.rulesReload.set(Date.now() / 1000);
  }

  /** Somebody has put something else in the place of a fleet's rules: that fleet has none, or keeps what it had; others go on. */
  private giveUp(fleet: string, error: Error): void {
    this.unexpected.report(
      'rule_book',
      error,
      'cannot read the rules of a fleet; keeping the last known ones',
      {
        fleet,
      },
    );
    const { set, kept, unusable } = this.find(fleet) ?? { set: NO_RULES, kept: new Map(), unusable: [] };
    this.keep(fleet, { set, kept, unusable, revision: undefined });
  }

  private schedulePoll(waitMs: number): void {
    this.timer = setTimeout(() => {
      void this.poll().then((wait) => {
        if (!this.stopped) this.schedulePoll(wait);
      });
    }, waitMs);
  }

  /** Reads what was written since the last time; returns how long to wait for the next one. */
  private async poll(): Promise<number> {
    try {
      const writes = await readWrites(this.redis);
      if (writes !== this.writes) {
        const revisions = await readRevisions(this.redis);
        this.latest = revisions;
        await this.loadAll(this.changed(revisions));
        this.revisions = revisions;
        this.writes = writes;
      }
      this.failures = 0;
      if (!this.hasSearched)
        void this.loadQuorumFleets([...(this.revisions?.keys() ?? [])].slice(0, MAX_FLEETS / 2));
      return POLL_MS;
    } catch (error) {
      if (storeFailure(error) === undefined) {
        if (!this.stopped)
          this.unexpected.report('rule_book', error, 'cannot read rules; keeping the last known rules');
      } else if (this.failures === 0)
        this.logger.warn(
          { reason: (error as Error).message },
          'cannot read rules from Redis; keeping the last known rules',
        );
      this.failures += 1;
      return backoffMs(this.failures, { firstMs: POLL_MS, maxMs: MAX_WAIT_MS });
    }
  }

  /** In addition to notifications. If Redis becomes unavailable meanwhile, a later poll starts over. */
  private async loadQuorumFleets(fleets: readonly string[]): Promise<void> {
    this.hasSearched = true;
    try {
      const unknown = fleets.filter((fleet) => this.setOf(fleet) === undefined);
      for await (const found of fleetsWithQuorums(this.redis, unknown)) {
        if (this.stopped) return;
        await this.ready(found);
      }
    } catch (error) {
      this.hasSearched = false;
      if (!this.stopped && storeFailure(error) === undefined)
        this.unexpected.report('rule_book', error, 'cannot load fleets with quorums; retrying');
    }
  }

  /** Fleets whose rules are not those that are known here; of others, those that were written since the last look. */
  private changed(revisions: ReadonlyMap<string, number>): string[] {
    const known = [...this.older, ...this.fleets]
      .filter(([fleet, { revision }]) => revisions.get(fleet) !== revision)
      .map(([fleet]) => fleet);
    if (this.revisions === undefined) return known;
    const isNew = ([fleet, revision]: readonly [string, number]) =>
      this.revisions?.get(fleet) !== revision && this.setOf(fleet) === undefined;
    return [...known, ...[...revisions].filter(isNew).map(([fleet]) => fleet)];
  }

  private count(): void {
    let inForce = 0;
    let unusable = 0;
    for (const known of [...this.fleets.values(), ...this.older.values()]) {
      inForce += known.set.size;
      unusable += known.unusable.length;
    }
    this.metrics.rulesLoaded.set(inForce);
    this.metrics.rulesUnusable.set(unusable);
  }
}
