import { randomBytes } from 'node:crypto';
import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import { deviceTopic, lessonTopic } from '@lamplighter/contracts/topics';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { LiveEvent } from '@lamplighter/store/events/events';
import { countRejected, type RejectedCounts } from '@lamplighter/store/fleets/ledger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import { acceptReadings } from '@lamplighter/store/telemetry/accept-readings';
import type { PartOutcome } from '@lamplighter/store/telemetry/device-part';
import { Inject, Injectable } from '@nestjs/common';
import { GroupStates } from '../cache/group-states.js';
import type { KnownDevice } from '../cache/known-device.js';
import { DispatchService } from '../commands/dispatch.service.js';
import { wakeUntilStored } from '../commands/wake-until-stored.js';
import { EdgeService, type Reported } from '../edge/edge.service.js';
import {
  type EvaluatedPart,
  type EvaluationCounts,
  evaluatePart,
  type PendingReading,
} from '../evaluation/evaluate-part.js';
import { textFault } from '../evaluation/text-for-number.js';
import { GroupsService } from '../groups/groups.service.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { RuleErrors } from '../rule-book/rule-errors.service.js';
import { StatePublisher } from '../state/state-publisher.service.js';
import { OrderedRetries } from '../store-access/ordered-retries.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';
import { BatchParser } from './batch-parser.service.js';
import { DeviceTurns } from './device-turns.js';
import { endToEndSeconds } from './end-to-end.js';
import { countReadings, withKinds } from './part-readings.js';
import { PrefetchService } from './prefetch.service.js';
import { Receipts, ReceiptsService } from './receipts.service.js';
import { addRejected, type RejectedReadings } from './rejected-readings.js';
import { telemetryEvent } from './telemetry-event.js';

/** A part that still conflicts after this many rounds fails; each conflict requires another change of the device in between. */
const MAX_ROUNDS = 20;
/** Prefetches before one round: the rules, then the windows that they need. */
const MAX_READS = 2;

/** Stores batches of telemetry: parses, evaluates, writes them in one function, and repeats that for parts that conflict. */
@Injectable()
export class IngestService {
  /** Unique per process, because part numbers start at 1 again; short, because every stored reading contains it. */
  private readonly replica = randomBytes(6).toString('base64url');
  private parts = 0;
  private readonly retries = new OrderedRetries();
  private readonly turns = new DeviceTurns();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly parser: BatchParser,
    private readonly prefetcher: PrefetchService,
    private readonly metrics: RulesMetrics,
    private readonly dispatch: DispatchService,
    private readonly groups: GroupsService,
    private readonly groupStates: GroupStates,
    private readonly ruleErrors: RuleErrors,
    private readonly events: LiveEventsService,
    private readonly outages: OutageLog,
    private readonly rejected: RejectedService,
    private readonly receipts: ReceiptsService,
    private readonly edge: EdgeService,
    private readonly states: StatePublisher,
  ) {}

  /** Settles when every message is stored, or rejected and counted. */
  async accept(batch: readonly MqttMessage[]): Promise<void> {
    const now = Date.now();
    const receipts = new Receipts();
    const rejectedByDevice = new Map<KnownDevice, RejectedReadings>();
    const reported: Reported[] = [];
    const started = performance.now();
    const work = this.parser.parse(batch, now, rejectedByDevice);
    this.metrics.processing.observe({ stage: 'parse' }, (performance.now() - started) / 1000);
    const storedAt = await this.evaluateAndStore(work, receipts, rejectedByDevice, reported);
    if (reported.length > 0) await this.edge.storeReports(reported);
    if (rejectedByDevice.size > 0) await this.countRejected(rejectedByDevice, receipts);
    this.receipts.send(receipts);
    this.metrics.processing.observe({ stage: 'ack' }, (performance.now() - storedAt) / 1000);
  }

  /** Evaluates devices whose timers are due, without a reading. */
  async evaluateTimers(devices: readonly KnownDevice[], listeningSince: number): Promise<void> {
    await this.evaluateAndStore(
      new Map(devices.map((device) => [device, []])),
      new Receipts(),
      new Map(),
      [],
      listeningSince,
    );
  }

  /** Evaluates and stores parts until none conflicts. @returns when the last write finished, monotonic time */
  private async evaluateAndStore(
    work: Map<KnownDevice, PendingReading[]>,
    receipts: Receipts,
    rejectedByDevice: Map<KnownDevice, RejectedReadings>,
    reported: Reported[],
    listeningSince?: number,
  ): Promise<number> {
    const turn = this.turns.enter();
    let storedAt = performance.now();
    try {
      for (let round = 0; work.size > 0; round += 1) {
        if (round === MAX_ROUNDS) {
          this.countFailed([...work.values()].flat().length);
          break;
        }
        // Do not await anything between the last check and the evaluation: an earlier batch could take its turn in between.
        for (let reads = 0; ; reads += 1) {
          let earlier = this.turns.wait(turn, work.keys());
          for (; earlier !== undefined; earlier = this.turns.wait(turn, work.keys())) await earlier;
          const missing = this.prefetcher.missing(work);
          if (missing === undefined || reads === MAX_READS) break;
          this.turns.hold(turn, work.keys());
          await this.prefetcher.read(missing);
        }
        // A timer must not recreate a removed device, unless a rule that detects silence names it.
        for (const [device, readings] of work)
          if (readings.length === 0 && device.version === NEW_DEVICE && !device.isExpected)
            work.delete(device);
        const parts = this.evaluateAll(work, listeningSince);
        const outcomes = await this.store(parts);
        storedAt = performance.now();
        work = this.recordOutcomes(parts, outcomes, receipts, rejectedByDevice, reported);
        this.turns.hold(turn, work.keys());
      }
    } finally {
      this.turns.leave(turn);
    }
    return storedAt;
  }

  private evaluateAll(work: Map<KnownDevice, PendingReading[]>, listeningSince?: number): EvaluatedPart[] {
    const started = performance.now();
    const now = Date.now();
    const counts: EvaluationCounts = {
      matched: 0,
      unmatched: 0,
      undecided: 0,
      error: 0,
      budget_exceeded: 0,
      onError: this.onRuleError,
      onText: this.onText,
    };
    const parts: EvaluatedPart[] = [];
    for (const [device, readings] of work) {
      const part = ++this.parts;
      parts.push(
        evaluatePart(device, readings, this.replica, part, now, counts, listeningSince, this.groupStates),
      );
    }
    this.metrics.processing.observe({ stage: 'rules' }, (performance.now() - started) / 1000);
    for (const result of EVALUATION_RESULTS) {
      if (counts[result] > 0) this.metrics.evaluations.inc({ result }, counts[result]);
    }
    return parts;
  }

  /** Reports a rule that fails on a device; the reading and the other rules are not affected. */
  private readonly onRuleError: EvaluationCounts['onError'] = (rule, { address }, message) =>
    this.ruleErrors.report(address.fleet, rule, address.device, message);

  private readonly onText: EvaluationCounts['onText'] = (rule, { address }, name, reading) => {
    const { fleet, device, lesson } = address;
    const topic = lesson ? lessonTopic(fleet, 'telemetry') : deviceTopic(fleet, 'telemetry', device);
    const message = { topic, payload: () => JSON.stringify(reading) };
    this.rejected.suspect('telemetry', 'type', message, () => textFault(rule.id, name, reading));
  };

  private async store(parts: readonly EvaluatedPart[]): Promise<(PartOutcome | 'failed')[]> {
    const started = performance.now();
    const accept = (some: readonly EvaluatedPart[]) =>
      this.metrics.storeCall('accept', () => acceptReadings(this.redis, this.replica, some));
    const outcomes = await this.retries.run((onRetry) =>
      untilStored(parts, accept, {
        onRetry: (error) => {
          this.metrics.telemetry.inc({ result: 'retried' }, countReadings(parts));
          this.outages.writeFailed(error);
          return onRetry();
        },
        onPoison: (part, error) => this.outages.inputDropped(part.address, error),
      }),
    );
    this.outages.writeSucceeded();
    this.metrics.processing.observe({ stage: 'store' }, (performance.now() - started) / 1000);
    this.metrics.batchReadings.observe(countReadings(parts));
    const seconds = endToEndSeconds(parts, Date.now());
    if (seconds !== undefined) this.metrics.endToEnd.observe(seconds);
    return outcomes;
  }

  /** Records and publishes the outcomes; returns the readings that have to be evaluated again. */
  private recordOutcomes(
    parts: readonly EvaluatedPart[],
    outcomes: readonly (PartOutcome | 'failed')[],
    receipts: Receipts,
    rejectedByDevice: Map<KnownDevice, RejectedReadings>,
    reported: Reported[],
  ) {
    const back: DeviceAddress[] = [];
    const again = new Map<KnownDevice, PendingReading[]>();
    const events: LiveEvent[] = [];
    let accepted = 0;
    let replayed = 0;
    let stale = 0;
    for (const [i, part] of parts.entries()) {
      const outcome = outcomes[i]!;
      if (outcome === 'failed') {
        part.device.window = undefined;
        this.countFailed(part.readings.length);
      } else if (outcome.kind === 'conflict') {
        this.metrics.conflicts.inc();
        part.device.adoptStored(outcome.stored!);
        again.set(part.device, withKinds(part.readings, outcome.stored!.kinds));
      } else if (outcome.kind === 'full') {
        this.metrics.telemetry.inc({ result: 'rejected' }, part.readings.length);
        this.metrics.rejected.inc({ reason: 'unknown_device' }, part.readings.length);
        for (const { seq } of part.readings)
          addRejected(rejectedByDevice, part.device, 'unknown_device', seq);
      } else {
        for (const { isReplayed, ageMs } of part.live) {
          if (isReplayed) replayed += 1;
          else if (ageMs > STALE_MS) stale += 1;
        }
        for (const { reading, isRetained } of part.readings) {
          const { _edge: report } = reading;
          if (report !== undefined && !isRetained)
            reported.push({ fleet: part.address.fleet, device: part.address.device, report });
        }
        if (part.device.expectsReceipts)
          for (const { seq } of part.readings) receipts.add(part.device, 'stored', seq);
        // The response to the first write of a repeated part was lost, so it is unknown whether its device had been presumed offline.
        if (
          outcome.returnedFrom ||
          (outcome.kind === 'repeated' && part.readings.some(({ isRetained }) => !isRetained))
        )
          back.push(part.address);
        if (outcome.returnedFrom === 'stale' && !part.device.isCanary)
          this.metrics.sessionsLost.inc({ cause: 'timeout' });
        if (!part.device.isCanary) accepted += part.live.length;
        if (part.live.length > 0) this.states.markChanged(part.address);
        if (outcome.late !== undefined) {
          // Only the store knows the position of late readings, so the window has to be loaded again.
          if (outcome.late.stored + outcome.late.retained > 0) part.device.window = undefined;
          this.metrics.telemetry.inc({ result: 'late' }, outcome.late.stored);
          this.metrics.telemetry.inc({ result: 'duplicate' }, outcome.late.duplicate);
          this.metrics.telemetry.inc({ result: 'stale' }, outcome.late.tooOld);
          this.metrics.telemetry.inc({ result: 'retained' }, outcome.late.retained);
          this.metrics.notEvaluated.inc({ reason: 'late' }, outcome.late.stored);
          this.metrics.notEvaluated.inc({ reason: 'retained' }, outcome.late.retained);
        }
        if (outcome.restarted !== undefined) this.metrics.orderRestarts.inc({ reason: outcome.restarted });
        if (part.commands.length > 0) this.emit(part, outcome);
        for (const { id } of part.voted) this.groups.markVoted(part.address.fleet, id);
        if (outcome.rejectedVotes) this.metrics.votesRejected.inc(outcome.rejectedVotes);
        if (part.live.length > 0 && !part.device.isCanary && this.events.takeTelemetrySample())
          events.push(telemetryEvent(part));
      }
    }
    this.metrics.telemetry.inc({ result: 'accepted' }, accepted);
    if (replayed > 0) this.metrics.notEvaluated.inc({ reason: 'replayed' }, replayed);
    if (stale > 0) this.metrics.notEvaluated.inc({ reason: 'stale' }, stale);
    this.events.append(events);
    // Not awaited: the readings are stored.
    if (back.length > 0) void wakeUntilStored(this.redis, back, this.metrics, this.outages);
    return again;
  }

  /** Dispatches the commands of a part. If the device's queue is full, the rule state is reset, so the rule commands again on the next reading. */
  private emit(part: EvaluatedPart, outcome: PartOutcome): void {
    this.dispatch.dispatchEmitted(part, outcome);
    for (const { id, state } of outcome.commands) {
      const rejected = state === 'full' && part.commands.find((command) => command.id === id);
      // A quorum re-asserts its command after the next spacing instead; resetting the state would discard the vote.
      const rule = rejected ? rejected.rule : undefined;
      if (rule !== undefined && rule.quorum === undefined) part.device.resetState(rule);
    }
  }

  /** Counts rejected readings in the ledger, and adds receipts for devices that would send them again. */
  private async countRejected(
    rejectedByDevice: Map<KnownDevice, RejectedReadings>,
    receipts: Receipts,
  ): Promise<void> {
    const all = [...rejectedByDevice].map(
      ([{ address }, { seqs, reasons }]): RejectedCounts => ({ address, own: seqs.length, reasons }),
    );
    const count = (some: readonly RejectedCounts[]) =>
      this.metrics.storeCall('rejected', () => countRejected(this.redis, some));
    const sessions = await untilStored(all, count, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ address }, error) => this.outages.inputDropped(address, error),
    });
    for (const [i, [device, { seqs, reasons }]] of [...rejectedByDevice].entries()) {
      // For a device without any accepted reading this is the only source of its session.
      const session = sessions[i];
      if (session !== 'failed') device.updateSession(session);
      // No receipt if the fleet is full, because the device may be accepted later.
      if (!reasons.has('unknown_device')) for (const seq of seqs) receipts.add(device, 'refused', seq);
    }
  }

  private countFailed(readings: number): void {
    this.metrics.telemetry.inc({ result: 'failed' }, readings);
  }
}

const EVALUATION_RESULTS = ['matched', 'unmatched', 'undecided', 'error', 'budget_exceeded'] as const;
