import { STALE_MS } from '@lamplighter/contracts/telemetry/reading';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import { NEW_DEVICE } from '@lamplighter/store/rules/state-version';
import type { PartOutcome } from '@lamplighter/store/telemetry/device-part';
import { isLiveKind } from '@lamplighter/store/telemetry/reading-order';
import { Injectable } from '@nestjs/common';
import { DeviceWaker } from '../commands/device-waker.service.js';
import { DispatchService } from '../commands/dispatch.service.js';
import type { EvaluatedPart, PendingReading } from '../evaluation/evaluate-part.js';
import { ExcessMessages } from '../fair-shares/excess-messages.service.js';
import { GroupsService } from '../groups/groups.service.js';
import { RulesMetrics } from '../metrics.js';
import type { Batch } from './batch.js';
import { LiveReadings } from './live-readings.service.js';

/** Acts on what the store did with each part: counts it, dispatches its commands, and returns conflicts to be evaluated again. */
@Injectable()
export class Settlement {
  constructor(
    private readonly metrics: RulesMetrics,
    private readonly dispatch: DispatchService,
    private readonly groups: GroupsService,
    private readonly waker: DeviceWaker,
    private readonly live: LiveReadings,
    private readonly excess: ExcessMessages,
  ) {}

  /** Settles the outcomes of the parts. Afterwards only readings of conflicts are pending. */
  settle(batch: Batch, parts: readonly EvaluatedPart[], outcomes: readonly (PartOutcome | 'failed')[]): void {
    batch.pending = new Map();
    const stored: EvaluatedPart[] = [];
    const returned: DeviceAddress[] = [];
    for (const [i, part] of parts.entries()) {
      const outcome = outcomes[i]!;
      if (outcome === 'failed') this.settleFailed(part);
      else if (outcome.kind === 'conflict') this.settleConflict(batch, part, outcome);
      else if (outcome.kind === 'full') this.settleFull(batch, part);
      else {
        this.settleStored(batch, part, outcome);
        if (hasReturned(part, outcome)) returned.push(part.address);
        stored.push(part);
      }
    }
    this.countLive(stored);
    this.live.publish(stored);
    this.waker.wake(returned);
  }

  /** Gives up readings that cannot be stored. */
  giveUp({ pending }: Batch): void {
    for (const readings of pending.values()) this.countFailed(readings.length);
  }

  private settleFailed({ device, readings }: EvaluatedPart): void {
    device.window = undefined;
    this.countFailed(readings.length);
  }

  /** The part was evaluated on outdated data: its readings are evaluated again, on what the store holds. */
  private settleConflict(
    { pending }: Batch,
    { device, readings }: EvaluatedPart,
    outcome: PartOutcome,
  ): void {
    const stored = outcome.stored!;
    this.metrics.conflicts.inc();
    device.adoptStored(stored);
    pending.set(device, withKinds(readings, stored.kinds));
  }

  /** The device is new, and its fleet is full. */
  private settleFull(batch: Batch, { device, readings }: EvaluatedPart): void {
    this.metrics.telemetry.inc({ result: 'rejected' }, readings.length);
    this.metrics.rejected.inc({ reason: 'unknown_device' }, readings.length);
    for (const { seq } of readings) batch.reject(device, 'unknown_device', seq);
  }

  private settleStored({ receipts, edgeReports }: Batch, part: EvaluatedPart, outcome: PartOutcome): void {
    const { device, address, readings } = part;
    if (part.version === NEW_DEVICE) this.excess.recordNewDevice(address.fleet);
    for (const { reading, isRetained } of readings)
      if (reading._edge !== undefined && !isRetained)
        edgeReports.push({ fleet: address.fleet, device: address.device, report: reading._edge });
    if (device.expectsReceipts) for (const { seq } of readings) receipts.add(device, 'stored', seq);
    if (outcome.returnedFrom === 'stale' && !device.isCanary)
      this.metrics.sessionsLost.inc({ cause: 'timeout' });
    if (outcome.late !== undefined) this.settleLate(part, outcome.late);
    if (outcome.restarted !== undefined) this.metrics.orderRestarts.inc({ reason: outcome.restarted });
    if (part.commands.length > 0) this.emit(part, outcome);
    for (const { id } of part.voted) this.groups.markVoted(address.fleet, id);
    if (outcome.rejectedVotes) this.metrics.votesRejected.inc(outcome.rejectedVotes);
  }

  private settleLate({ device }: EvaluatedPart, late: NonNullable<PartOutcome['late']>): void {
    // Only the store knows the position of late readings, so the window has to be loaded again.
    if (late.stored + late.retained > 0) device.window = undefined;
    this.metrics.telemetry.inc({ result: 'late' }, late.stored);
    this.metrics.telemetry.inc({ result: 'duplicate' }, late.duplicate);
    this.metrics.telemetry.inc({ result: 'stale' }, late.tooOld);
    this.metrics.telemetry.inc({ result: 'retained' }, late.retained);
    this.metrics.notEvaluated.inc({ reason: 'late' }, late.stored);
    this.metrics.notEvaluated.inc({ reason: 'retained' }, late.retained);
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

  private countLive(stored: readonly EvaluatedPart[]): void {
    let [accepted, replayed, stale] = [0, 0, 0];
    for (const { live, device } of stored) {
      if (!device.isCanary) accepted += live.length;
      for (const { isReplayed, ageMs } of live) {
        if (isReplayed) replayed += 1;
        else if (ageMs > STALE_MS) stale += 1;
      }
    }
    this.metrics.telemetry.inc({ result: 'accepted' }, accepted);
    if (replayed > 0) this.metrics.notEvaluated.inc({ reason: 'replayed' }, replayed);
    if (stale > 0) this.metrics.notEvaluated.inc({ reason: 'stale' }, stale);
  }

  private countFailed(readings: number): void {
    this.metrics.telemetry.inc({ result: 'failed' }, readings);
  }
}

/**
 * Whether the device was unreachable before. The reply to the first write of a repeated part was lost, so it is unknown whether its device
 * had been presumed offline.
 */
function hasReturned({ readings }: EvaluatedPart, { kind, returnedFrom }: PartOutcome): boolean {
  if (returnedFrom !== undefined) return true;
  return kind === 'repeated' && readings.some(({ isRetained }) => !isRetained);
}

/** The readings of a part that conflicted, with the kinds that the store determined. */
function withKinds(readings: readonly PendingReading[], kinds: string): PendingReading[] {
  if (kinds.length !== readings.length) return [...readings];
  return readings.map((reading, i) => ({ ...reading, isLive: isLiveKind(kinds[i]!) }));
}
