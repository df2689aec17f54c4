import { jitteredMs } from '@lamplighter/contracts/backoff';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import type { Turn } from '@lamplighter/store/rollouts/rollout-commands';
import { claimRollouts, type HeldRollout } from '@lamplighter/store/rollouts/rollout-lease';
import { MAX_UNFINISHED_ROLLOUTS, rolloutEvent } from '@lamplighter/store/rollouts/rollouts';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RulesCommandRecorder } from '../commands/rules-command-recorder.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { RulesErrors } from '../rules-errors.js';
import { RepeatedWork } from '../store-access/repeated-work.js';
import { LOGGER, REDIS } from '../tokens.js';
import { type RolloutObserver, RolloutRun } from './rollout-run.js';

/** Pause between steps of each rollout, milliseconds. */
const STEP_MS = 200;
/** How often rollouts without a holder are claimed, milliseconds on average. */
const TAKE_MS = 300;

/** Runs the rollouts that this replica holds. Replicas share rollouts by leases. */
@Injectable()
export class RolloutsService implements OnApplicationBootstrap, RolloutObserver {
  private readonly runs = new Map<string, RolloutRun>();
  private readonly stepping: RepeatedWork;
  private takesAt = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly events: LiveEventsService,
    private readonly recorder: RulesCommandRecorder,
  ) {
    this.stepping = new RepeatedWork(
      logger,
      unexpected,
      'rollouts',
      'cannot continue rollouts; waiting for Redis',
      () => this.work(),
    );
  }

  onApplicationBootstrap(): void {
    this.stepping.schedule(STEP_MS);
  }

  /** Stops, and releases the leases. If Redis is unavailable, they expire. */
  stop(): Promise<void> {
    return this.stepping.stop(() => this.release());
  }

  private async release(): Promise<void> {
    await Promise.allSettled([...this.runs.values()].map((run) => run.release()));
    this.runs.clear();
    this.count();
  }

  turned({ fleet, id }: HeldRollout, turns: readonly Turn[]): void {
    for (const { outcome, device, ...turn } of turns) {
      if (outcome === 'fenced') continue;
      this.metrics.rolloutCommands.inc({ result: outcome });
      if (outcome !== 'enqueued') continue;
      this.recorder.recordEnqueued('rollout', { id: turn.id, fleet, device }, turn);
    }
    if (turns.some(({ outcome }) => outcome === 'fenced'))
      this.logger.info({ rollout: id }, 'rollout taken over by another replica');
  }

  swept({ fleet }: HeldRollout, commands: Parameters<RolloutObserver['swept']>[1]): void {
    for (const { device, id, state } of commands)
      this.recorder.recordTransition(state, 'rollout', { id, fleet, device });
    this.metrics.rolloutCommands.inc({ result: 'swept' }, commands.length);
  }

  progressed(...[{ id, fleet }, state, counts]: Parameters<RolloutObserver['progressed']>): void {
    this.events.append([rolloutEvent({ id, fleet, state, ...counts })]);
  }

  /** One round; returns the pause before the next one. */
  private async work(): Promise<number> {
    try {
      await this.claim();
      const steps = await Promise.allSettled([...this.runs.values()].map((run) => this.step(run)));
      const failed = steps.find((step) => step.status === 'rejected');
      if (failed) throw failed.reason;
      return STEP_MS;
    } finally {
      this.count();
    }
  }

  private async claim(): Promise<void> {
    const room = MAX_UNFINISHED_ROLLOUTS - this.runs.size;
    if (performance.now() < this.takesAt || room <= 0) return;
    this.takesAt = performance.now() + jitteredMs(TAKE_MS);
    const limit = Math.min(room, 20);
    for (const rollout of await this.metrics.storeCall('rollout', () => claimRollouts(this.redis, limit))) {
      // May replace a run of this replica whose lease has expired or that was cancelled; the store rejects the token of that run.
      try {
        this.runs.set(rollout.id, new RolloutRun(this.redis, rollout, this));
      } catch (error) {
        this.failed(rollout, error);
      }
    }
  }

  /** @throws if Redis is unavailable: the work is retried */
  private async step(run: RolloutRun): Promise<void> {
    try {
      if (await this.metrics.storeCall('rollout', () => run.step())) return;
    } catch (error) {
      if (storeFailure(error) !== undefined) throw error;
      this.failed(run.rollout, error);
    }
    this.runs.delete(run.rollout.id);
  }

  /** One failing rollout must not block the others; it is retried when its lease expires. */
  private failed({ id }: HeldRollout, error: unknown): void {
    this.unexpected.report('rollouts', error, 'cannot continue rollout; retrying when its lease expires', {
      rollout: id,
    });
  }

  private count(): void {
    const running = [...this.runs.values()].filter(({ rollout }) => rollout.state === 'running');
    this.metrics.rolloutsRunning.set(running.length);
  }
}
