import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { Action } from '@lamplighter/contracts/commands/command';
import { durationMs } from '@lamplighter/contracts/duration';
import { EDGE_DELIVERY, EDGE_RULE_KEY } from '@lamplighter/contracts/edge/edge';
import { edgeRuleAction } from '@lamplighter/evaluation/rule/edge-rule';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { enqueueCommand } from '@lamplighter/store/commands/enqueue-command';
import { isFinal, listCommands } from '@lamplighter/store/commands/read-commands';
import {
  claimEdgeWalk,
  type EdgeDevice,
  endEdgeWalk,
  recordSentRule,
  walkEdgeDevices,
} from '@lamplighter/store/edge/edge-settings';
import { COMMANDS_KEPT_PER_DEVICE, PRUNE_STRIDE } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { readRule, readWrites, type StoredRule, type UnreadableRule } from '@lamplighter/store/rules/rules';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';

/** How often Redis is polled for written rules, milliseconds on average. */
const POLL_MS = 1000;
/** All devices are checked at least this often, because a setting may have been written during the last walk. Milliseconds. */
const WALK_MS = 5 * 60_000;
/** The lease of a walk; when it expires another replica may start one. Milliseconds. */
const LEASE_MS = 60_000;

/** Sends edge devices the current version of their rule, or its removal. Sending it twice does no harm. */
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

  /** Stops the walk; another replica sends what is missing, or this one after its restart. */
  stop(): Promise<void> {
    return this.following.stop();
  }

  /** One poll; returns the pause before the next one. */
  private async poll(): Promise<number> {
    const writes = await this.metrics.storeCall('edge', () => readWrites(this.redis));
    const isDue = writes !== this.writes || performance.now() - this.walkedAt >= WALK_MS;
    if (isDue && (await claimEdgeWalk(this.redis, LEASE_MS))) {
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
    edgeDevice: EdgeDevice,
    stored: StoredRule | UnreadableRule | undefined,
  ): Promise<void> {
    const { fleet, device, sent, confirmed } = edgeDevice;
    let action: Action = { [EDGE_RULE_KEY]: null };
    let version: string | null = null;
    if (stored !== undefined && 'rule' in stored) {
      const name = `${stored.id}@${stored.version}`;
      if (name === sent && confirmed === sent) return;
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
    if (version === sent && !(await this.hasMissedRule(edgeDevice))) return;
    const { ttl, timeout, ...delivery } = EDGE_DELIVERY;
    const result = await enqueueCommand(this.redis, {
      ...{ fleet, device, action, ...delivery, ttl: durationMs(ttl)!, timeoutMs: durationMs(timeout)! },
      onFailure: undefined,
      mustBeKnown: true,
    });
    // A device with a full queue gets it on another walk; the device may also have been removed.
    if (result.outcome !== 'enqueued') return;
    this.recorder.recordEnqueued('api', { id: result.id, fleet, device }, result);
    await recordSentRule(this.redis, fleet, device, version);
  }

  /**
   * Whether the command with the rule waited for the device until it expired, or is no longer stored. A device that rejects its rule, or
   * does not acknowledge it, does not get the same version again.
   */
  private async hasMissedRule({ fleet, device, sent, confirmed }: EdgeDevice): Promise<boolean> {
    if (confirmed === sent) return false;
    const commands = await listCommands(this.redis, fleet, device, {
      limit: COMMANDS_KEPT_PER_DEVICE + PRUNE_STRIDE,
    });
    const last = commands.find(({ lane }) => lane === EDGE_DELIVERY.lane);
    return last === undefined || (isFinal(last.state) && last.transitions.at(-1)!.at >= last.expiresAt);
  }
}
