import { randomBytes } from 'node:crypto';
import { parseTelemetry, type RejectReason } from '@lamplighter/contracts/reading';
import { acceptReadings, type PartOutcome } from '@lamplighter/store/accept-readings';
import type { Redis } from '@lamplighter/store/connect';
import type { LiveEvent } from '@lamplighter/store/events';
import { Inject, Injectable } from '@nestjs/common';
import { DispatchService } from '../commands/dispatch.service.js';
import { LiveEventsService } from '../live-events/live-events.service.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/mqtt-link.js';
import { REDIS } from '../tokens.js';
import { DeviceCache, type KnownDevice } from './device-cache.js';
import { type JudgedPart, judge, type PendingReading } from './judge.js';
import { RejectedService } from './rejected.service.js';
import { untilStored } from './until-stored.js';

/** A part that keeps being judged on old grounds is given up after this many rounds; each costs a rival's change in between. */
const MAX_ROUNDS = 20;
/** Only the newest reading of a replay may actuate, and only if it is this fresh by the device's clock, milliseconds. */
const MAX_AGE_MS = 30_000;

/** Batches of telemetry into the store: parse, judge, one script, and again for devices on which the store disagreed. */
@Injectable()
export class IngestService {
  /** Unique per start, since part numbers begin at 1 again; short, since every kept reading holds it. */
  private readonly replica = randomBytes(6).toString('base64url');
  private parts = 0;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly devices: DeviceCache,
    private readonly metrics: RulesMetrics,
    private readonly dispatch: DispatchService,
    private readonly events: LiveEventsService,
    private readonly rejected: RejectedService,
  ) {}

  /** Returns when every message is stored, or refused and counted. */
  async accept(batch: readonly MqttMessage[]): Promise<void> {
    const now = Date.now();
    this.metrics.lastMessage.set(now / 1000);
    let work = this.parse(batch, now);
    for (let round = 0; work.size > 0; round += 1) {
      if (round === MAX_ROUNDS) {
        this.fail([...work.values()].flat().length);
        return;
      }
      const parts = this.judgeAll(work);
      const outcomes = await this.store(parts);
      work = this.settle(parts, outcomes);
    }
  }

  private parse(batch: readonly MqttMessage[], now: number): Map<KnownDevice, PendingReading[]> {
    const work = new Map<KnownDevice, PendingReading[]>();
    let bytes = 0;
    for (const message of batch) {
      bytes += message.payload.length;
      const device = this.devices.find(message.topic);
      if (device === undefined) {
        this.reject(message, 'topic');
        continue;
      }
      const { readings, rejected } = parseTelemetry(message.payload, now);
      for (const { reason } of rejected) this.reject(message, reason);
      const last = readings.length - 1;
      for (let i = 0; i <= last; i += 1) {
        const { reading, json } = readings[i]!;
        const fresh = last === 0 || reading._at === undefined || now - reading._at <= MAX_AGE_MS;
        const pending: PendingReading = {
          seq: reading._seq,
          at: reading._at,
          json,
          reading,
          mayActuate: i === last && fresh,
          takenAt: message.takenAt,
        };
        const others = work.get(device);
        if (others === undefined) work.set(device, [pending]);
        else others.push(pending);
      }
    }
    this.metrics.payloadBytes.observe(bytes / batch.length);
    return work;
  }

  private judgeAll(work: Map<KnownDevice, PendingReading[]>): JudgedPart[] {
    const started = performance.now();
    const now = Date.now();
    const verdicts = { matched: 0, unmatched: 0, undecided: 0 };
    const parts: JudgedPart[] = [];
    for (const [device, readings] of work) {
      parts.push(judge(device, readings, this.replica, ++this.parts, now, verdicts));
    }
    this.metrics.processing.observe({ stage: 'rules' }, (performance.now() - started) / 1000);
    this.metrics.evaluations.inc({ result: 'matched' }, verdicts.matched);
    this.metrics.evaluations.inc({ result: 'unmatched' }, verdicts.unmatched);
    this.metrics.evaluations.inc({ result: 'undecided' }, verdicts.undecided);
    return parts;
  }

  private async store(parts: readonly JudgedPart[]): Promise<(PartOutcome | 'failed')[]> {
    const started = performance.now();
    const outcomes = await untilStored(parts, (some) => acceptReadings(this.redis, this.replica, some), {
      onRetry: (error) => {
        this.metrics.storeOperations.inc({ op: 'accept', result: 'error' });
        this.metrics.telemetry.inc({ result: 'retried' }, countReadings(parts));
        this.events.storeFailed(error);
      },
      onPoison: (part, error) => this.events.poisoned(part.address.name, error),
    });
    this.metrics.storeOperations.inc({ op: 'accept', result: 'ok' });
    this.metrics.processing.observe({ stage: 'store' }, (performance.now() - started) / 1000);
    this.metrics.batchReadings.observe(countReadings(parts));
    return outcomes;
  }

  /** Counts and publishes what was accepted; returns what has to be judged again. */
  private settle(parts: readonly JudgedPart[], outcomes: readonly (PartOutcome | 'failed')[]) {
    const again = new Map<KnownDevice, PendingReading[]>();
    const events: LiveEvent[] = [];
    let accepted = 0;
    for (const [i, part] of parts.entries()) {
      const outcome = outcomes[i]!;
      if (outcome === 'failed') this.fail(part.readings.length);
      else if (outcome.kind === 'conflict') {
        this.metrics.conflicts.inc();
        part.device.believe(outcome.grounds!);
        again.set(part.device, [...part.readings]);
      } else if (outcome.kind === 'full') {
        this.metrics.telemetry.inc({ result: 'rejected' }, part.readings.length);
        this.metrics.rejected.inc({ reason: 'unknown_device' }, part.readings.length);
      } else {
        if (!part.device.isCanary) accepted += part.live.length;
        if (outcome.late !== undefined) {
          this.metrics.telemetry.inc({ result: 'late' }, outcome.late.stored);
          this.metrics.telemetry.inc({ result: 'duplicate' }, outcome.late.duplicate);
          this.metrics.telemetry.inc({ result: 'stale' }, outcome.late.stale);
        }
        if (part.commands.length > 0) this.dispatch.emitted(part, outcome);
        if (part.live.length > 0 && !part.device.isCanary && this.events.mayShowTelemetry())
          events.push(telemetryEvent(part));
      }
    }
    this.metrics.telemetry.inc({ result: 'accepted' }, accepted);
    this.events.append(events);
    return again;
  }

  private reject(message: MqttMessage, reason: RejectReason): void {
    this.metrics.telemetry.inc({ result: 'rejected' });
    this.metrics.rejected.inc({ reason });
    this.rejected.sample(message.topic, message.payload, reason);
  }

  private fail(readings: number): void {
    this.metrics.telemetry.inc({ result: 'failed' }, readings);
  }
}

function countReadings(parts: readonly JudgedPart[]): number {
  let count = 0;
  for (const { readings } of parts) count += readings.length;
  return count;
}

function telemetryEvent({ address, readings }: JudgedPart): LiveEvent {
  const { reading } = readings.at(-1)!;
  const measurements = Object.fromEntries(Object.entries(reading).filter(([name]) => !name.startsWith('_')));
  return { type: 'telemetry', fleet: address.fleet, device: address.device, measurements };
}
