import { commandPayload } from '@lamplighter/contracts/commands/command';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { whenScraped } from '@lamplighter/service-kit/metrics';
import { repairClockStep } from '@lamplighter/store/clock/clock-step';
import { type Claim, claimCommands, findDueShards } from '@lamplighter/store/delivery/claim-commands';
import { WAKE_CHANNEL } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import type { PartOutcome } from '@lamplighter/store/telemetry/device-part';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { EvaluatedPart } from '../evaluation/evaluate-part.js';
import { RulesMetrics } from '../metrics.js';
import type { PublishOutcome } from '../mqtt/messages.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { RulesErrors } from '../rules-errors.js';
import { LOGGER, REDIS, SUBSCRIBER } from '../tokens.js';
import { ClockWatch } from './clock-watch.js';
import { DeliveryReports, JITTER, UNREACHABLE_WAIT_MS } from './delivery-reports.js';
import { claimedDispatch, type Dispatch, emittedDispatch } from './dispatch.js';
import { RulesCommandRecorder } from './rules-command-recorder.js';
import { TokenBucket } from './token-bucket.js';

/** How often to poll for due commands without a wake-up; finds expired leases and commands. Milliseconds. */
const POLL_MS = 500;
/** Maximum number of commands of one shard per claim. */
const CLAIM_LIMIT = 100;
/**
 * Rate of claims, so that a fleet that returns does not starve telemetry. The commands of rules are not limited: they are dispatched with
 * the reading that caused them.
 */
const DISPATCHES_PER_SECOND = 1000;
const BURST = 200;
/** When the rate is exceeded, the next claim waits for this many tokens. */
const MIN_TOKENS = 50;

/** Claims due commands, publishes them, and records the broker's responses. */
@Injectable()
export class DispatchService implements OnApplicationBootstrap {
  private readonly woken = new Set<number>();
  private claiming = false;
  private stopped = false;
  private poll: NodeJS.Timeout | undefined;
  private paced: NodeJS.Timeout | undefined;
  private readonly rate = new TokenBucket(DISPATCHES_PER_SECOND, BURST);
  private readonly clock = new ClockWatch(
    (stepSeen) => this.repairClock(stepSeen),
    (ms) => {
      this.metrics.clockSetBacks.inc();
      this.logger.warn({ ms }, 'Redis clock went backwards; restarting pending waits');
    },
    (error) => {
      if (storeFailure(error) === undefined)
        this.unexpected.report('dispatch', error, 'cannot repair waits after a clock step; retrying');
    },
  );
  private readonly reports: DeliveryReports;
  /** Published and not yet confirmed by the broker, the oldest first, with the time of the PUBLISH. */
  private readonly inFlight = new Map<Dispatch, number>();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(SUBSCRIBER) private readonly subscriber: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly transport: MqttTransport,
    private readonly metrics: RulesMetrics,
    private readonly unexpected: RulesErrors,
    private readonly recorder: RulesCommandRecorder,
  ) {
    this.reports = new DeliveryReports(redis, logger, metrics, unexpected, recorder, (shards) =>
      this.wake(shards),
    );
    whenScraped(metrics.dispatchLag, (gauge) => gauge.set(this.lagSeconds()));
  }

  onApplicationBootstrap(): void {
    const listen = () =>
      void this.subscriber.subscribe(WAKE_CHANNEL).catch((error: unknown) => this.subscribeFailed(error));
    this.subscriber.on('ready', listen);
    if (this.subscriber.status === 'ready') listen();
    this.subscriber.on('message', (_channel: string, shard: string) => {
      this.wake([Number(shard)]);
    });
    this.poll = setInterval(() => void this.claim(true), POLL_MS);
  }

  /** Stops claiming; settles when all outcomes are recorded. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.poll);
    clearTimeout(this.paced);
    await this.reports.settled();
  }

  /** Claims the due commands of these shards. */
  wake(shards: Iterable<number>): void {
    for (const shard of shards) this.woken.add(shard);
    if (this.woken.size > 0) void this.claim();
  }

  /** Publishes the commands of a part that the store leased to this replica when it stored them. */
  dispatchEmitted(part: EvaluatedPart, outcome: PartOutcome): void {
    const { fleet, device: name } = part.device.address;
    for (const command of part.commands) {
      const enqueued = outcome.commands.find(({ id }) => id === command.id);
      if (enqueued === undefined) continue; // a repeated part: its commands are dispatched again if their leases expire
      const { id, traceparent, cause } = command;
      this.recorder.recordEmitted({ id, fleet, device: name, traceparent }, enqueued, cause);
      if (enqueued.state === 'dispatched') this.publish(emittedDispatch(command, enqueued, part.device));
    }
  }

  /** Claims in the woken shards, one claim at a time; with `poll` also in all others with due commands. */
  private async claim(poll = false): Promise<void> {
    if (this.claiming || this.stopped || this.transport.problems().length > 0) return;
    this.claiming = true;
    try {
      if (poll) await this.findDue();
      while (this.woken.size > 0 && !this.stopped) {
        const tokens = this.rate.available;
        if (tokens === 0) {
          this.claimLater();
          return;
        }
        // Claim no more than the rate allows: the others stay pending in Redis, without a lease.
        const shards = [...this.woken].slice(0, tokens);
        for (const shard of shards) this.woken.delete(shard);
        const limit = Math.min(CLAIM_LIMIT, Math.floor(tokens / shards.length));
        const requestedAt = performance.now();
        const full = new Set<number>();
        const claim = () => claimCommands(this.redis, shards, limit, (shard) => full.add(shard));
        const claims = await this.metrics.storeCall('claim', claim);
        this.rate.take(claims.length);
        for (const claim of claims) this.dispatchClaimed(claim, requestedAt);
        // Claim again where the limit was reached, and where a command has ended, since the next one may be due.
        for (const shard of shards) {
          const claimed = claims.filter(({ command }) => command.id.endsWith(`-${shard}`));
          if (full.has(shard) || claimed.some(({ outcome }) => outcome !== 'dispatched'))
            this.woken.add(shard);
        }
      }
    } catch (error) {
      if (storeFailure(error) === undefined)
        this.unexpected.report('dispatch', error, 'cannot claim commands; retrying at the next poll');
    } finally {
      this.claiming = false;
    }
  }

  /** The next connection subscribes again; until then polling finds due commands. */
  private subscribeFailed(error: unknown): void {
    if (storeFailure(error) === undefined)
      this.unexpected.report('dispatch', error, 'cannot subscribe to wake-ups; polling instead');
  }

  private lagSeconds(): number {
    for (const since of this.inFlight.values()) return (performance.now() - since) / 1000;
    return 0;
  }

  private async findDue(): Promise<void> {
    const requestedAt = performance.now();
    const { now, shards } = await this.metrics.storeCall('claim', () => findDueShards(this.redis));
    this.clock.observe(now, requestedAt, performance.now());
    for (const shard of shards) this.woken.add(shard);
  }

  private async repairClock(stepSeen: boolean): Promise<void> {
    const repaired = await repairClockStep(this.redis, {
      minWaitMs: UNREACHABLE_WAIT_MS * (1 + JITTER),
      wasSeen: stepSeen,
    });
    if (Object.values(repaired).some((count) => count > 0))
      this.logger.info(repaired, 'shortened waits after the Redis clock went backwards');
  }

  private claimLater(): void {
    clearTimeout(this.paced);
    this.paced = setTimeout(() => void this.claim(), this.rate.msUntil(MIN_TOKENS));
  }

  private dispatchClaimed(claim: Claim, requestedAt: number): void {
    const { outcome, command, attempt, aborted } = claim;
    this.recorder.recordTransition(outcome, command.source, command, { attempt });
    this.recorder.recordCancelled(command.source, command, aborted);
    if (outcome !== 'dispatched') return;
    if (attempt > 1) this.metrics.redeliveries.inc();
    this.publish(claimedDispatch(claim, requestedAt));
  }

  private publish(dispatch: Dispatch): void {
    const { id, lane, seq, attempt, expiresAt, expires, topic, actionJson, acknowledges } = dispatch;
    const now = performance.now();
    if (now >= dispatch.leaseEnds) {
      // This process was too slow; the holder of the next lease publishes the command.
      this.metrics.withheld.inc();
      return;
    }
    this.inFlight.set(dispatch, now);
    // The broker may queue a copy for an offline device with a persistent session: the copy must expire before the command may be
    // superseded or dispatched again.
    const aliveMs = Math.min(expires, dispatch.leaseEnds) - now;
    const expirySeconds = Math.max(1, Math.floor(aliveMs / 1000));
    const deliverBy = Math.round(expiresAt - (expires - now)) + expirySeconds * 1000;
    const envelope = acknowledges ? { id, lane, seq, attempt, expiresAt, deliverBy } : undefined;
    const payload = commandPayload(actionJson, envelope);
    this.transport.publish(
      'commands',
      topic,
      payload,
      expirySeconds,
      (outcome) => this.published(dispatch, outcome),
      dispatch.traceparent,
    );
  }

  private published(dispatch: Dispatch, outcome: PublishOutcome): void {
    this.inFlight.delete(dispatch);
    if (dispatch.arrivedAt !== undefined && outcome !== 'lost')
      this.metrics.loop.observe((performance.now() - dispatch.arrivedAt) / 1000);
    if (this.recorder.isLogging)
      this.recorder.logStep('dispatched', dispatch, { attempt: dispatch.attempt, state: `${outcome}` });
    this.reports.add(dispatch, outcome);
  }
}
