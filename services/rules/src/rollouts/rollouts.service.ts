import type { Logger } from '@lamplighter/service-kit/logger';
import type { Redis } from '@lamplighter/store/connect';
import type { Turn } from '@lamplighter/store/rollout-commands';
import { type HeldRollout, takeRollouts } from '@lamplighter/store/rollout-lease';
import { MAX_UNFINISHED_ROLLOUTS, rolloutEvent } from '@lamplighter/store/rollouts';
import { storeFailure } from '@lamplighter/store/store-failure';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandNews } from '../commands/command-news.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import { LOGGER, REDIS } from '../tokens.js';
import { type RolloutObserver, RolloutRun } from './rollout-run.js';

/** How often rollouts are carried on, and how often new ones, or those of a dead replica, are looked for. Milliseconds. */
const STEP_MS = 200;
const TAKE_MS = 300;
/** Pause after Redis has failed, growing. Milliseconds. */
const FAILURE_MS = 200;
const MAX_FAILURE_MS = 5000;
/** A service that stops waits so long for Redis to take the leases back. Milliseconds. */
const STOP_MS = 2000;

/** Carries on the rollouts that this replica holds. Replicas share them by leases: whoever is first takes one. */
@Injectable()
export class RolloutsService implements OnApplicationBootstrap, RolloutObserver {
  private readonly runs = new Map<string, RolloutRun>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private stopped = false;
  private failures = 0;
  private takesAt = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: RulesMetrics,
    private readonly events: LiveEventsService,
    private readonly news: CommandNews,
  ) {}

  onApplicationBootstrap(): void {
    this.next(STEP_MS);
  }

  /** Takes and begins nothing more, and gives back what it holds. If Redis does not answer, the leases end by themselves. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const released = this.release();
    const limit = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
    await Promise.race([released, limit]);
  }

  private async release(): Promise<void> {
    await this.working;
    await Promise.allSettled([...this.runs.values()].map((run) => run.release()));
    this.runs.clear();
    this.count();
  }

  turned({ fleet, id }: HeldRollout, turns: readonly Turn[]): void {
    for (const { outcome, device, ...turn } of turns) {
      if (outcome === 'fenced') continue;
      this.metrics.rolloutCommands.inc({ result: outcome });
      if (outcome !== 'enqueued') continue;
      this.news.taken('rollout', { id: turn.id, fleet, device }, turn);
    }
    if (turns.some(({ outcome }) => outcome === 'fenced')) this.logger.info({ rollout: id }, 'rollout lost');
  }

  swept({ fleet }: HeldRollout, commands: Parameters<RolloutObserver['swept']>[1]): void {
    for (const { device, id, state } of commands) this.news.became(state, 'rollout', { id, fleet, device });
    this.metrics.rolloutCommands.inc({ result: 'swept' }, commands.length);
  }

  progressed(...[{ id, fleet }, state, counts]: Parameters<RolloutObserver['progressed']>): void {
    this.events.append([rolloutEvent({ id, fleet, state, ...counts })]);
  }

  private next(waitMs: number): void {
    this.timer = setTimeout(() => {
      this.working = this.work().then((wait) => {
        if (!this.stopped) this.next(wait);
      });
    }, waitMs);
  }

  /** One round; returns how long to wait for the next one. */
  private async work(): Promise<number> {
    try {
      await this.take();
      const steps = await Promise.allSettled([...this.runs.values()].map((run) => this.step(run)));
      const failed = steps.find((step) => step.status === 'rejected');
      if (failed) throw failed.reason;
      this.failures = 0;
      return STEP_MS;
    } catch (error) {
      if (this.failures === 0) {
        this.logger.warn({ reason: (error as Error).message }, 'rollouts wait for Redis');
      }
      this.failures += 1;
      return Math.min(FAILURE_MS * 2 ** this.failures, MAX_FAILURE_MS) * (0.5 + Math.random() / 2);
    } finally {
      this.count();
    }
  }

  private async take(): Promise<void> {
    const room = MAX_UNFINISHED_ROLLOUTS - this.runs.size;
    if (performance.now() < this.takesAt || room <= 0) return;
    this.takesAt = performance.now() + TAKE_MS * (0.5 + Math.random());
    const limit = Math.min(room, 20);
    for (const rollout of await this.metrics.storeCall('rollout', () => takeRollouts(this.redis, limit))) {
      // It may be one of ours, whose lease has ended, or that was cancelled: then the run before is shut out.
      try {
        this.runs.set(rollout.id, new RolloutRun(this.redis, rollout, this));
      } catch (error) {
        this.failed(rollout, error);
      }
    }
  }

  /** @throws if Redis is away: then it is tried again */
  private async step(run: RolloutRun): Promise<void> {
    try {
      if (await this.metrics.storeCall('rollout', () => run.step())) return;
    } catch (error) {
      if (storeFailure(error) !== undefined) throw error;
      this.failed(run.rollout, error);
    }
    this.runs.delete(run.rollout.id);
  }

  /** One rollout that cannot be carried on must not hold up the others; its lease ends, and it is tried again. */
  private failed({ id }: HeldRollout, error: unknown): void {
    this.logger.error({ err: error, rollout: id }, 'a rollout cannot be carried on');
  }

  private count(): void {
    const running = [...this.runs.values()].filter(({ rollout }) => rollout.state === 'running');
    this.metrics.rolloutsRunning.set(running.length);
  }
}
