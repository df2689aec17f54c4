import { jitteredMs } from '@lamplighter/contracts/backoff';
import { deviceTopic } from '@lamplighter/contracts/topics';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { forgetRejected } from '@lamplighter/store/rejected/rejected';
import {
  claimCleanups,
  completeCleanups,
  isRetainedPresenceOfRemoved,
  type PendingCleanup,
  removeVotes,
} from '@lamplighter/store/removal/remove-devices';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { GroupsService } from '../groups/groups.service.js';
import { RulesMetrics } from '../metrics.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { RuleBook } from '../rule-book/rule-book.service.js';
import { RulesErrors } from '../rules-errors.js';
import { StatePublisher } from '../state/state-publisher.service.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';

/** How often cleanups are claimed, milliseconds on average. */
const POLL_MS = 1000;
/** Cleanups per claim. */
const CLAIM_LIMIT = 200;

/**
 * Deletes data of removed devices outside their shard: retained presence and state at the broker, votes in quorums, samples of rejected
 * input. Replicas share the work by leases; a failed cleanup is claimed again when its lease expires.
 */
@Injectable()
export class CleanupsService implements OnApplicationBootstrap {
  private readonly clearing: RepeatedWork;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly transport: MqttTransport,
    private readonly book: RuleBook,
    private readonly groups: GroupsService,
    private readonly states: StatePublisher,
    private readonly metrics: RulesMetrics,
    unexpected: RulesErrors,
  ) {
    this.clearing = new RepeatedWork(
      logger,
      unexpected,
      'removal',
      'cannot clear removed devices; waiting for Redis',
      () => this.work(),
    );
  }

  onApplicationBootstrap(): void {
    this.clearing.schedule(POLL_MS);
  }

  /** Starts no more rounds. */
  stop(): Promise<void> {
    return this.clearing.stop();
  }

  /** One round; returns the pause before the next one. */
  private async work(): Promise<number> {
    const wait = jitteredMs(POLL_MS);
    if (this.transport.problems().length > 0) return wait;
    const claim = () => claimCleanups(this.redis, CLAIM_LIMIT);
    const cleanups = await this.metrics.storeCall('removal', claim);
    if (cleanups.length === 0) return wait;
    const cleared = await this.clearPresence(cleanups);
    if (!(await this.states.removeOfDeleted(cleared))) return wait;
    await this.metrics.storeCall('removal', () => this.clearStore(cleared));
    return cleanups.length === CLAIM_LIMIT ? 0 : wait;
  }

  /** @returns the cleanups whose retained presence is cleared, or belongs to a device that has returned */
  private async clearPresence(cleanups: readonly PendingCleanup[]): Promise<PendingCleanup[]> {
    const own = await isRetainedPresenceOfRemoved(this.redis, cleanups);
    const cleared = await Promise.all(
      cleanups.map(async ({ fleet, device }, i) => {
        if (!own[i]) return true;
        const outcome = await this.transport.clearRetained(
          'commands',
          deviceTopic(fleet, 'presence', device),
        );
        // 16 (no matching subscribers) is a success, too.
        if (outcome === 0 || outcome === 16) return true;
        if (outcome !== 'lost')
          this.logger.error(
            { fleet, device, reasonCode: outcome },
            'the broker refused to clear the retained presence of a removed device; check its access list',
          );
        return false;
      }),
    );
    return cleanups.filter((_, i) => cleared[i]);
  }

  private async clearStore(cleanups: readonly PendingCleanup[]): Promise<void> {
    const fleets = [...new Set(cleanups.map(({ fleet }) => fleet))];
    await this.book.ready(fleets);
    for (const fleet of fleets) {
      const quorums = this.book.setOf(fleet)?.groups.map(({ id }) => id) ?? [];
      const ofFleet = cleanups.filter((cleanup) => cleanup.fleet === fleet);
      await removeVotes(this.redis, fleet, quorums, ofFleet);
      for (const rule of quorums) this.groups.markVoted(fleet, rule);
    }
    await forgetRejected(this.redis, cleanups);
    await completeCleanups(this.redis, cleanups);
  }
}
