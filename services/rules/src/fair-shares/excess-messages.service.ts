import type { InputKind } from '@lamplighter/contracts/telemetry/input-fault';
import { parseTopic } from '@lamplighter/contracts/topics';
import { countRejected, type RejectedCounts } from '@lamplighter/store/fleets/ledger';
import { shardOf } from '@lamplighter/store/keys';
import type { Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DeviceCache } from '../cache/device-cache.js';
import type { Config } from '../config.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { RetainedJunk } from '../rejected/retained-junk.service.js';
import { RulesErrors } from '../rules-errors.js';
import { CONFIG, REDIS } from '../tokens.js';
import { DelayedBirths } from './delayed-births.js';
import { type ExcessCount, ExcessCounts, sequencesIn } from './excess-counts.js';
import { type Excess, FairShares, fleetOf } from './fair-shares.js';

const COUNT_EVERY_MS = 1000;
/** How often delayed births are processed, ms. */
const BIRTHS_EVERY_MS = 100;
const KINDS: Readonly<Record<string, InputKind>> = {
  telemetry: 'telemetry',
  acknowledgements: 'acknowledgement',
  presence: 'presence',
};

/**
 * Rejects messages that exceed the budget of their device or fleet, before they are parsed, and counts them. Their devices get no receipt:
 * a device that keeps its readings sends them again later. Births of new devices are not sent again, so they are processed later.
 */
@Injectable()
export class ExcessMessages implements OnApplicationShutdown {
  private readonly shares: FairShares;
  private readonly counts = new ExcessCounts();
  private readonly births = new DelayedBirths();
  private recordBirths: (births: readonly MqttMessage[]) => Promise<void> = async () => undefined;
  private readonly timers = [
    setInterval(() => this.publishCounts(), COUNT_EVERY_MS),
    setInterval(() => void this.releaseBirths(), BIRTHS_EVERY_MS),
  ];
  private isRecording = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(REDIS) private readonly redis: Redis,
    transport: MqttTransport,
    private readonly devices: DeviceCache,
    private readonly metrics: RulesMetrics,
    private readonly rejected: RejectedService,
    private readonly unexpected: RulesErrors,
    private readonly junk: RetainedJunk,
  ) {
    const { DEVICE_RATE, FLEET_RATE, NEW_DEVICE_RATE } = config;
    this.shares = new FairShares({ device: DEVICE_RATE, fleet: FLEET_RATE, newDevices: NEW_DEVICE_RATE });
    for (const timer of this.timers) timer.unref();
    transport.rejectIf((message) => this.rejects(message));
  }

  onApplicationShutdown(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.publishCounts();
  }

  /** Records that a fleet has a new device in the store. */
  recordNewDevice(fleet: string): void {
    this.shares.chargeNewDevice(fleet, performance.now());
  }

  /** Sets what processes delayed births. */
  onBirths(record: (births: readonly MqttMessage[]) => Promise<void>): void {
    this.recordBirths = record;
  }

  /** Processes births of fleets that can add devices again. */
  private async releaseBirths(): Promise<void> {
    if (this.births.isEmpty || this.isRecording) return;
    const now = performance.now();
    const limit = Math.ceil((this.config.NEW_DEVICE_RATE * BIRTHS_EVERY_MS) / 1000);
    const births = this.births.take(limit, (fleet) => this.shares.canAddDevice(fleet, now));
    if (births.length === 0) return;
    this.isRecording = true;
    try {
      await this.recordBirths(births);
    } catch (error) {
      this.unexpected.report('handler', error, 'cannot process delayed births; dropping them');
    }
    this.isRecording = false;
  }

  /** Keeps a presence message of a new device for later; false if it has to be rejected. */
  private delays(message: MqttMessage): boolean {
    if (kindOf(message.topic) !== 'presence' || message.payload.length === 0) return false;
    if (!this.births.add(fleetOf(message.topic), message)) return false;
    this.metrics.presence.inc({ result: 'delayed' });
    return true;
  }

  /** Whether a message exceeds a budget. Retained messages do not count: the broker sends those of all devices at once. */
  private rejects(message: MqttMessage): boolean {
    const { delivery, topic, payload, arrivedAt } = message;
    if (!this.births.isEmpty && kindOf(topic) === 'presence') this.births.drop(fleetOf(topic), topic);
    if (delivery === 'retained') return false;
    const reason = this.shares.charge(topic, payload.length, arrivedAt);
    if (reason === undefined) return false;
    if (reason === 'new_device_rate' && this.delays(message)) return true;
    const [count, isFirst] = this.counts.add(topic, reason, kindOf);
    this.junk.clearOversized(message);
    // A device that keeps its readings sends them again, so they are not lost.
    if (count.kind === 'telemetry' && this.devices.cached(topic)?.expectsReceipts !== true)
      count.own += sequencesIn(payload);
    if (isFirst)
      this.rejected.sampleRejected(count.kind, reason, message, () => ({
        reason,
        problem: this.problem(reason),
      }));
    return true;
  }

  private problem(reason: Excess): string {
    const { DEVICE_RATE, FLEET_RATE, NEW_DEVICE_RATE } = this.config;
    const problems: Record<Excess, string> = {
      device_rate: `the device sends more than ${DEVICE_RATE} messages per second (DEVICE_RATE)`,
      fleet_rate: `the fleet sends more than ${FLEET_RATE} messages per second while other fleets are active (FLEET_RATE)`,
      new_device_rate: `the fleet adds more than ${NEW_DEVICE_RATE} devices per second (NEW_DEVICE_RATE)`,
    };
    return problems[reason];
  }

  private publishCounts(): void {
    const rejected: RejectedCounts[] = [];
    for (const [topic, count] of this.counts.take()) {
      this.countInMetrics(count);
      const parsed = count.kind === 'telemetry' ? parseTopic(topic) : undefined;
      if (parsed === undefined) continue;
      const { fleet, device } = parsed;
      const reasons = new Map(Object.entries(count.reasons).filter(([, messages]) => messages > 0)) as Map<
        Excess,
        number
      >;
      rejected.push({ address: { shard: shardOf(fleet, device), fleet, device }, own: count.own, reasons });
    }
    if (rejected.length > 0) this.countInLedger(rejected);
  }

  /** A message counts as one reading, because it is not parsed. */
  private countInMetrics({ kind, reasons }: ExcessCount): void {
    for (const [reason, messages] of Object.entries(reasons) as [Excess, number][]) {
      if (messages === 0) continue;
      this.metrics.inputRejected.inc({ kind, reason }, messages);
      if (kind !== 'telemetry') continue;
      this.metrics.telemetry.inc({ result: 'rejected' }, messages);
      this.metrics.rejected.inc({ reason }, messages);
    }
  }

  /** Counts that cannot be written are dropped; the metrics have them. */
  private countInLedger(rejected: readonly RejectedCounts[]): void {
    this.metrics
      .storeCall('rejected', () => countRejected(this.redis, rejected))
      .catch((error: unknown) => {
        if (storeFailure(error) === undefined)
          this.unexpected.report('rejected', error, 'cannot count rejected readings; dropping the counts');
      });
  }
}

function kindOf(topic: string): InputKind {
  return KINDS[topic.split('/', 2)[1] ?? ''] ?? 'topic';
}
