import { type CommandState, commandPayload } from '@lamplighter/contracts/command';
import { commandsTopic } from '@lamplighter/contracts/topics';
import { traceIdOf } from '@lamplighter/contracts/trace-context';
import { CommandLog, type CommandStep } from '@lamplighter/service-kit/command-log';
import type { Logger } from '@lamplighter/service-kit/logger';
import {
  type DeviceAddress,
  type EnqueueOutcome,
  LEASE_MS,
  type PartOutcome,
} from '@lamplighter/store/accept-readings';
import { mendClockSetBack } from '@lamplighter/store/clock-set-back';
import {
  type Claim,
  claimCommands,
  findDueShards,
  giveUpCommands,
  type Lease,
  requeueCommands,
} from '@lamplighter/store/commands';
import type { Redis } from '@lamplighter/store/connect';
import type { LiveEvent } from '@lamplighter/store/events';
import { shardOf, WAKE_CHANNEL } from '@lamplighter/store/keys';
import { type CommandSource } from '@lamplighter/store/read-commands';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { PublishOutcome } from '../mqtt/mqtt-link.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import type { JudgedCommand, JudgedPart } from '../telemetry/judge.js';
import { LOGGER, REDIS, SUBSCRIBER } from '../tokens.js';
import { ClockWatch } from './clock-watch.js';
import { TokenBucket } from './token-bucket.js';

/** A leased command on its way to the device. Times of this process are monotonic (performance.now), milliseconds. */
interface Dispatch {
  readonly id: string;
  readonly fleet: string;
  readonly device: string;
  readonly topic: string;
  readonly lane: string;
  readonly seq: number;
  readonly attempt: number;
  /** Time of Redis, as it names this lease. */
  readonly claimedAt: number;
  /** Time of this process: after it another replica may hold the next lease. */
  readonly leaseEnds: number;
  /** Time of Redis, for the device, and the same moment as time of this process. */
  readonly expiresAt: number;
  readonly expires: number;
  readonly actionJson: string;
  readonly source: CommandSource['source'];
  /** The device understands `_cmd` and answers. */
  readonly answers: boolean;
  /** The trace that it belongs to, for the device. */
  readonly traceparent: string | undefined;
  /** When the reading that caused it was taken off the socket; undefined for all but a rule's first dispatch. */
  readonly takenAt: number | undefined;
}

/** How often due commands are looked for when nobody calls; leases and expiries are found by this. Milliseconds. */
const POLL_MS = 500;
/** What the broker said is collected for this long, for it is not urgent, and each call costs Redis a write to disk. Milliseconds. */
const REPORT_MS = 20;
/** Most commands of one shard that are claimed at a time. */
const CLAIM_LIMIT = 100;
/** Least wait after the broker found nobody subscribed; grows with the age of the command. Milliseconds, and the share that is left to chance. */
const UNREACHABLE_WAIT_MS = 5000;
const JITTER = 0.2;
/**
 * What is claimed in a second: waiting commands go out at this pace, so that a fleet that comes back does not starve telemetry.
 * A rule's command goes out with the reading that caused it, and at the pace of those.
 */
const DISPATCHES_PER_SECOND = 1000;
const BURST = 200;
/** Fewer are not worth a claim of their own while many wait. */
const WORTHWHILE = 50;
const NO_SUBSCRIBER = 16;

/** Publishes leased commands, and tells the store what the broker said. The store decides what is due. */
@Injectable()
export class DispatchService implements OnApplicationBootstrap {
  private readonly woken = new Set<number>();
  private claiming = false;
  private stopped = false;
  private poll: NodeJS.Timeout | undefined;
  private paced: NodeJS.Timeout | undefined;
  private readonly rate = new TokenBucket(DISPATCHES_PER_SECOND, BURST);
  private readonly clock = new ClockWatch(
    (wasSeen) => this.mendClock(wasSeen),
    (ms) => {
      this.metrics.clockSetBacks.inc();
      this.logger.warn({ ms }, 'the clock of Redis was set back; what waits begins to wait anew');
    },
  );
  private readonly log: CommandLog;
  private ended: Dispatch[] = [];
  private returned: { dispatch: Dispatch; cause: string }[] = [];
  private reporting: Promise<void> | undefined;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(SUBSCRIBER) private readonly subscriber: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly transport: MqttTransport,
    private readonly metrics: RulesMetrics,
    private readonly events: LiveEventsService,
  ) {
    this.log = new CommandLog(logger);
  }

  onApplicationBootstrap(): void {
    const listen = () => void this.subscriber.subscribe(WAKE_CHANNEL).catch(() => undefined); // the next connect tries again
    this.subscriber.on('ready', listen);
    if (this.subscriber.status === 'ready') listen();
    this.subscriber.on('message', (_channel: string, shard: string) => {
      this.wake([Number(shard)]);
    });
    this.poll = setInterval(() => void this.claim(true), POLL_MS);
  }

  /** Claims no more; what is leased is reported to the end. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.poll);
    clearTimeout(this.paced);
    await this.reporting;
  }

  /** Claims in these shards: something there is due. */
  wake(shards: Iterable<number>): void {
    for (const shard of shards) this.woken.add(shard);
    if (this.woken.size > 0) void this.claim();
  }

  /** Publishes what a rule emitted and the store leased to us in the same breath. */
  emitted(part: JudgedPart, outcome: PartOutcome): void {
    const { device } = part;
    for (const command of part.commands) {
      const enqueued = outcome.commands.find(({ id }) => id === command.id);
      if (enqueued === undefined) continue; // a repeated part: its commands are leased, and found by their lease if need be
      this.count('rule', enqueued);
      this.tellOvertaken(device.address, enqueued);
      const { fleet, device: name } = device.address;
      if (this.log.isOn) {
        const { id, traceparent, cause } = command;
        this.note('emitted', { id, fleet, device: name, traceparent }, { state: enqueued.state, cause });
      }
      if (enqueued.state !== 'dispatched') continue;
      this.publish({
        ...dispatchOf(command, enqueued),
        fleet,
        device: name,
        topic: device.commandsTopic,
        answers: device.answers,
      });
    }
  }

  /** Claims in the shards that were called out, and on `look` in all that have something due; one claim at a time. */
  private async claim(look = false): Promise<void> {
    if (this.claiming || this.stopped || this.transport.problems().length > 0) return;
    this.claiming = true;
    try {
      if (look) await this.look();
      while (this.woken.size > 0 && !this.stopped) {
        const tokens = this.rate.available;
        if (tokens === 0) {
          this.claimLater();
          return;
        }
        // A claim brings no more than may go out now: what waits for the rate waits in Redis, without a lease.
        const shards = [...this.woken].slice(0, tokens);
        for (const shard of shards) this.woken.delete(shard);
        const limit = Math.min(CLAIM_LIMIT, Math.floor(tokens / shards.length));
        const askedAt = performance.now();
        const claims = await claimCommands(this.redis, shards, limit);
        this.rate.take(claims.length);
        this.metrics.storeOperations.inc({ op: 'claim', result: 'ok' });
        for (const claim of claims) this.take(claim, askedAt);
        // A shard that gave all it was asked for has more, and where a command has ended the next one may be due: look again,
        // after those here have gone out.
        for (const shard of shards) {
          const here = claims.filter(({ command }) => command.id.endsWith(`-${shard}`));
          if (here.length === limit || here.some(({ outcome }) => outcome !== 'dispatched'))
            this.woken.add(shard);
        }
      }
    } catch {
      this.metrics.storeOperations.inc({ op: 'claim', result: 'error' }); // Redis is away; the next poll tries again
    } finally {
      this.claiming = false;
    }
  }

  private async look(): Promise<void> {
    const askedAt = performance.now();
    const { now, shards } = await findDueShards(this.redis);
    this.clock.look(now, askedAt, performance.now());
    for (const shard of shards) this.woken.add(shard);
  }

  private async mendClock(wasSeen: boolean): Promise<void> {
    const mended = await mendClockSetBack(this.redis, {
      leastWaitMs: UNREACHABLE_WAIT_MS * (1 + JITTER),
      wasSeen,
    });
    if (Object.values(mended).some((count) => count > 0))
      this.logger.info(mended, 'waits were too long for the clock of Redis, and are shortened');
  }

  private claimLater(): void {
    clearTimeout(this.paced);
    this.paced = setTimeout(() => void this.claim(), this.rate.msUntil(WORTHWHILE));
  }

  private take(claim: Claim, askedAt: number): void {
    const { outcome, command, attempt, claimedAt, leaseMs, announced, lesson, aborted } = claim;
    const { source, fleet, device, id } = command;
    this.told(source, outcome, fleet, device, id);
    for (const rest of aborted) this.told(source, 'cancelled', fleet, device, rest);
    if (outcome !== 'dispatched') {
      if (this.log.isOn) this.note('ended', command, { state: outcome, attempt });
      return;
    }
    if (attempt > 1) this.metrics.redeliveries.inc();
    this.publish({
      id,
      fleet,
      device,
      topic: commandsTopic(fleet, device, lesson),
      lane: command.lane,
      seq: command.seq,
      attempt,
      claimedAt,
      leaseEnds: askedAt + leaseMs,
      expiresAt: command.expiresAt,
      expires: askedAt + command.expiresAt - claimedAt,
      actionJson: JSON.stringify(command.action),
      source,
      answers: announced,
      traceparent: command.traceparent,
      takenAt: undefined,
    });
  }

  private publish(dispatch: Dispatch): void {
    const { id, lane, seq, attempt, expiresAt, topic, actionJson, answers } = dispatch;
    const now = performance.now();
    if (now >= dispatch.leaseEnds) {
      // This process was held up, and whoever has the next lease speaks for the command.
      this.metrics.withheld.inc();
      return;
    }
    const payload = commandPayload(actionJson, answers ? { id, lane, seq, attempt, expiresAt } : undefined);
    const expirySeconds = Math.max(1, Math.floor((dispatch.expires - now) / 1000));
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
    if (dispatch.takenAt !== undefined)
      this.metrics.loop.observe((performance.now() - dispatch.takenAt) / 1000);
    if (this.log.isOn) this.note('dispatched', dispatch, { attempt: dispatch.attempt, state: `${outcome}` });
    if (outcome === 'lost') return; // whether it arrived nobody knows: the lease runs out, and it is dispatched again
    if (outcome === NO_SUBSCRIBER) {
      this.metrics.unreachable.inc({ reason: 'no_subscriber' });
      this.returned.push({ dispatch, cause: 'unreachable' });
    } else if (outcome >= 128) {
      this.metrics.unreachable.inc({ reason: 'refused' });
      this.returned.push({ dispatch, cause: `refused_${outcome}` });
    } else if (!dispatch.answers) {
      this.ended.push(dispatch); // the broker took it, and this device never says more
    } else {
      return;
    }
    this.reporting ??= this.report().finally(() => {
      this.reporting = undefined;
    });
  }

  /** Tells the store, in batches: whatever came up during one call is in the next. A failed call is mended by the leases. */
  private async report(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, REPORT_MS));
    while (this.ended.length > 0 || this.returned.length > 0) {
      const ended = this.ended.splice(0);
      const returned = this.returned.splice(0);
      try {
        const outcomes = await giveUpCommands(
          this.redis,
          ended.map((dispatch) => ({ ...leaseOf(dispatch), cause: 'unannounced' })),
        );
        const due = new Set<number>();
        for (const [i, dispatch] of ended.entries()) {
          const { source, fleet, device, id } = dispatch;
          const outcome = outcomes[i];
          if (outcome === undefined) continue;
          if (this.log.isOn) this.note('ended', dispatch, { state: 'unknown', cause: 'unannounced' });
          this.told(source, 'unknown', fleet, device, id);
          for (const rest of outcome.aborted) this.told(source, 'cancelled', fleet, device, rest);
          if (outcome.nextIsDue) due.add(shardOf(fleet, device));
        }
        const again = await requeueCommands(
          this.redis,
          returned.map(({ dispatch, cause }) => ({
            ...leaseOf(dispatch),
            waitMs: UNREACHABLE_WAIT_MS * (1 + JITTER * (2 * Math.random() - 1)),
            cause,
          })),
        );
        this.wake([...due, ...again]);
        this.metrics.storeOperations.inc({ op: 'requeue', result: 'ok' });
      } catch (error) {
        this.metrics.storeOperations.inc({ op: 'requeue', result: 'error' });
        this.logger.warn(
          { reason: (error as Error).message, commands: ended.length + returned.length },
          'delivery not recorded; leases mend it',
        );
      }
    }
  }

  private count(source: CommandSource['source'], { state, superseded, unknown }: EnqueueOutcome): void {
    if (state === 'full') {
      this.metrics.dropped.inc({ reason: 'queue_full' });
      return;
    }
    this.metrics.commands.inc({ transition: 'pending', source });
    if (state === 'dispatched') this.metrics.commands.inc({ transition: 'dispatched', source });
    this.metrics.commands.inc({ transition: 'superseded', source }, superseded.length);
    this.metrics.commands.inc({ transition: 'unknown', source }, unknown.length);
  }

  /** What a rule's command ended on its way in: who waits for one of those is told. */
  private tellOvertaken({ fleet, device }: DeviceAddress, { superseded, unknown }: EnqueueOutcome): void {
    const ended = (ids: readonly string[], state: CommandState) =>
      ids.map((command): LiveEvent => ({ type: 'command', fleet, device, command, state }));
    this.events.append([...ended(superseded, 'superseded'), ...ended(unknown, 'unknown')]);
    if (!this.log.isOn) return;
    for (const id of superseded) this.note('ended', { id, fleet, device }, { state: 'superseded' });
    for (const id of unknown) this.note('ended', { id, fleet, device }, { state: 'unknown' });
  }

  /** Follows one command in the log. */
  private note(
    step: CommandStep,
    { id, fleet, device, traceparent }: Followed,
    more: { state?: string; cause?: string; attempt?: number },
  ): void {
    const trace_id = traceparent === undefined ? undefined : traceIdOf(traceparent);
    this.log.tell(step, { command: id, fleet, device, trace_id, ...more });
  }

  private told(
    source: CommandSource['source'],
    state: CommandState,
    fleet: string,
    device: string,
    id: string,
  ): void {
    this.metrics.commands.inc({ transition: state, source });
    this.events.append([{ type: 'command', fleet, device, command: id, state }]);
  }
}

/** What the log needs to know of a command. */
type Followed = Pick<Dispatch, 'id' | 'fleet' | 'device'> & { readonly traceparent?: string | undefined };

function dispatchOf(command: JudgedCommand, { seq, expiresAt }: EnqueueOutcome) {
  const { id, lane, actionJson, takenAt, ttl, traceparent } = command;
  return {
    id,
    lane,
    seq,
    attempt: 1,
    claimedAt: expiresAt - ttl,
    leaseEnds: takenAt + Math.min(LEASE_MS, ttl),
    expiresAt,
    expires: takenAt + ttl,
    actionJson,
    traceparent,
    takenAt,
    source: 'rule' as const,
  };
}

function leaseOf({ id, fleet, device, attempt, claimedAt }: Dispatch): Lease {
  return { id, device: `${fleet}/${device}`, attempt, claimedAt };
}
