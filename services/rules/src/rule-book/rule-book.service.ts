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

/** How often Redis is polled for written rules, milliseconds. */
const POLL_MS = 250;
/** Cached fleets; those not requested lately are evicted, in two generations. */
const MAX_FLEETS = 10_000;
/** Fleets that are read concurrently. */
const READ_AT_ONCE = 32;
/** Longest pause between attempts, milliseconds. */
const MAX_RETRY_MS = 2000;

const NO_RULES = new RuleSet([]);

/** The service is stopping and no longer reads rules. */
export class RuleBookStopped extends Error {
  override readonly name = 'RuleBookStopped';
}

/** A fleet with loaded rules. */
interface LoadedFleet extends FleetRules {
  readonly revision: number | undefined;
}

/**
 * The rules in force of each fleet. A fleet's rules are loaded from Redis with its first message, and again within a second of a write.
 * Fleets with quorums are loaded at startup, because a quorum must notice sensors that never report. While Redis is unavailable the
 * last known rules stay in force.
 */
@Injectable()
export class RuleBook implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly fleets = new Map<string, LoadedFleet>();
  private older = new Map<string, LoadedFleet>();
  private readonly loading = new Map<string, Promise<void>>();
  private writes: string | null | undefined;
  /** The revisions of all fleets whose changes have been loaded; undefined before the first poll. */
  private revisions: ReadonlyMap<string, number> | undefined;
  private hasLoadedQuorums = false;
  /** The revisions as last read; their changes may still be loading. */
  private latestRevisions: ReadonlyMap<string, number> = new Map();
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

  /** Registers a listener that is called when the rules of a fleet have been loaded; `before` are those previously in force. */
  onRead(listener: (fleet: string, rules: RuleSet, before: RuleSet | undefined) => void): void {
    this.listeners.push(listener);
  }

  /** The current rules of a fleet; undefined until they are loaded. */
  setOf(fleet: string): RuleSet | undefined {
    return fleet === CANARY_FLEET ? NO_RULES : this.find(fleet)?.set;
  }

  /** Settles when the rules of these fleets have been loaded; a new fleet gets its seeds. */
  async ready(fleets: Iterable<string>): Promise<void> {
    const missing = [...new Set(fleets)].filter((fleet) => this.setOf(fleet) === undefined);
    await this.loadAll(missing);
  }

  private find(fleet: string): LoadedFleet | undefined {
    const found = this.fleets.get(fleet);
    if (found !== undefined) return found;
    const known = this.older.get(fleet);
    if (known !== undefined) this.keep(fleet, known);
    return known;
  }

  private keep(fleet: string, known: LoadedFleet): void {
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

  /** Retries until the rules of a fleet are loaded; its telemetry waits for them, as it would wait for Redis anyway. */
  private async untilLoaded(fleet: string): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      // Readings must not be evaluated as if the fleet had no rules: messages that wait for the rules stay unacknowledged.
      if (this.stopped) throw new RuleBookStopped();
      try {
        return await this.metrics.storeCall('rules', () => this.loadLatest(fleet));
      } catch (error) {
        if (storeFailure(error) === undefined) return this.keepLastKnown(fleet, error as Error);
        // The loaded rules stay in force, and the next poll finds that they are outdated.
        if (this.find(fleet) !== undefined) throw error;
        await new Promise((resolve) =>
          setTimeout(resolve, backoffMs(failures, { firstMs: 50, maxMs: MAX_RETRY_MS })),
        );
      }
    }
  }

  /** Loads again if the rules were written meanwhile: a poll that saw that write shares this load. */
  private async loadLatest(fleet: string): Promise<void> {
    let read: number | undefined;
    let before: number | undefined;
    do {
      before = read;
      await this.load(fleet);
      read = this.find(fleet)?.revision;
      // The same revision twice: Redis has lost the newer write.
    } while (read !== undefined && read !== before && read < (this.latestRevisions.get(fleet) ?? 0));
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
        'cannot read or compile rules; leaving them out',
      );
    this.keep(fleet, { ...rules, revision });
    for (const listener of this.listeners) listener(fleet, rules.set, before?.set);
    this.metrics.rulesReload.set(Date.now() / 1000);
  }

  /** The key of the fleet's rules holds something else: the fleet keeps its last known rules, or has none; other fleets are not affected. */
  private keepLastKnown(fleet: string, error: Error): void {
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

  /** Loads rules written since the last poll; returns the pause before the next one. */
  private async poll(): Promise<number> {
    try {
      const writes = await readWrites(this.redis);
      if (writes !== this.writes) {
        const revisions = await readRevisions(this.redis);
        this.latestRevisions = revisions;
        await this.loadAll(this.changed(revisions));
        this.revisions = revisions;
        this.writes = writes;
      }
      this.failures = 0;
      if (!this.hasLoadedQuorums)
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
      return backoffMs(this.failures, { firstMs: POLL_MS, maxMs: MAX_RETRY_MS });
    }
  }

  /** Loads fleets with quorums once per process. If Redis becomes unavailable meanwhile, a later poll starts over. */
  private async loadQuorumFleets(fleets: readonly string[]): Promise<void> {
    this.hasLoadedQuorums = true;
    try {
      const unknown = fleets.filter((fleet) => this.setOf(fleet) === undefined);
      for await (const found of fleetsWithQuorums(this.redis, unknown)) {
        if (this.stopped) return;
        await this.ready(found);
      }
    } catch (error) {
      this.hasLoadedQuorums = false;
      if (!this.stopped && storeFailure(error) === undefined)
        this.unexpected.report('rule_book', error, 'cannot load fleets with quorums; retrying');
    }
  }

  /** Loaded fleets with another revision, and other fleets that were written since the last poll. */
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
