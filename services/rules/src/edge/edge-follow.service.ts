import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { Action } from '@lamplighter/contracts/commands/command';
import { durationMs } from '@lamplighter/contracts/duration';
import { EDGE_DELIVERY, EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { edgeRuleAction } from '@lamplighter/evaluation/rule/edge-rule';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import {
  type EdgeDevice,
  endEdgeWalk,
  recordSentRule,
  takeEdgeWalk,
  walkEdgeDevices,
} from '@lamplighter/store/edge/edge-settings';
import type { Redis } from '@lamplighter/store/redis/connect';
import { readRule, readWrites, type StoredRule, type UnreadableRule } from '@lamplighter/store/rules/rules';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';

/** How often it is asked whether any rule was written, milliseconds on average. */
const POLL_MS = 1000;
/** All devices are looked at now and then although no rule was written: a setting may have been kept while the last walk passed. */
const WALK_MS = 5 * 60_000;
/** A replica has this long for a walk; then another one may begin its own. Milliseconds. */
const LEASE_MS = 60_000;

/** Tells devices that go by a rule at the edge when that rule has another version, or is gone. Telling one twice does no harm. */
@Injectable()
export class EdgeFollowService implements OnApplicationBootstrap {
  private readonly following: RepeatedWork;
  private walkedAt = Number.NEGATIVE_INFINITY;
  private writes: string | null | undefined;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) logger: Logger,
    private readonly metrics: RulesMetrics,
    unexpected: RulesErrors,
    private readonly recorder: RulesCommandRecorder,
  ) {
    this.following = new RepeatedWork(
      logger,
      unexpected,
      'edge',
      'cannot send edge rules to devices; waiting for Redis',
      () => this.poll(),
    );
  }

  onApplicationBootstrap(): void {
    this.following.schedule(POLL_MS);
  }

  /** What is not sent in time another replica tells, or this one when it is back. */
  stop(): Promise<void> {
    return this.following.stop();
  }

  /** One look; returns how long to wait for the next one. */
  private async poll(): Promise<number> {
    const writes = await this.metrics.storeCall('edge', () => readWrites(this.redis));
    const isDue = writes !== this.writes || performance.now() - this.walkedAt >= WALK_MS;
    if (isDue && (await takeEdgeWalk(this.redis, LEASE_MS))) {
      await this.metrics.storeCall('edge', () => this.walk());
      await endEdgeWalk(this.redis);
      this.writes = writes;
      this.walkedAt = performance.now();
    }
    return jitteredMs(POLL_MS);
  }

  private async walk(): Promise<void> {
    const rules = new Map<string, Promise<StoredRule | UnreadableRule | undefined>>();
    for await (const devices of walkEdgeDevices(this.redis)) {
      for (const device of devices) {
        if (this.following.isStopped) return;
        const { fleet, rule } = device;
        const name = `${fleet}/${rule}`;
        if (!rules.has(name)) rules.set(name, readRule(this.redis, fleet, rule));
        await this.sendRule(device, await rules.get(name));
      }
    }
  }

  private async sendRule(
    { fleet, device, sent }: EdgeDevice,
    stored: StoredRule | UnreadableRule | undefined,
  ): Promise<void> {
    let action: Action = { [EDGE_RULE_KEY]: null };
    let version: string | null = null;
    if (stored !== undefined && 'rule' in stored) {
      const name = `${stored.id}@${stored.version}`;
      if (name === sent) return;
      const fit = edgeRuleAction(device, {
        version: stored.version,
        since: stored.since,
        rule: stored.rule,
      });
      if ('action' in fit) {
        action = fit.action;
        version = name;
      }
    }
    if (version === sent) return;
    const { ttl, timeout, ...delivery } = EDGE_DELIVERY;
    const result = await enqueueCommand(this.redis, {
      ...{ fleet, device, action, ...delivery, ttl: durationMs(ttl)!, timeoutMs: durationMs(timeout)! },
      onFailure: undefined,
      mustBeKnown: true,
    });
    // A device whose queue is full gets it on another walk; one that was removed does not.
    if (result.outcome !== 'enqueued') return;
    this.recorder.recordEnqueued('api', { id: result.id, fleet, device }, result);
    await recordSentRule(this.redis, fleet, device, version);
  }
}
