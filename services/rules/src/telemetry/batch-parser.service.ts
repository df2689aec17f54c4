import { misfitFault, misfitIn } from '@lamplighter/contracts/telemetry/declared-types';
import {
  parseTelemetry,
  type RejectedReading,
  type RejectReason,
} from '@lamplighter/contracts/telemetry/reading';
import { inexactFault, telemetryFault } from '@lamplighter/contracts/telemetry/reading-fault';
import { topicFault } from '@lamplighter/contracts/telemetry/topic-fault';
import { Injectable } from '@nestjs/common';
import { DeviceCache } from '../cache/device-cache.js';
import type { KnownDevice } from '../cache/known-device.js';
import type { PendingReading } from '../evaluation/evaluate-part.js';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { DeclaredTypes } from './declared-types.service.js';
import { addRejected, type RejectedReadings } from './rejected-readings.js';

/** Parses batches of telemetry messages. */
@Injectable()
export class BatchParser {
  constructor(
    private readonly devices: DeviceCache,
    private readonly metrics: RulesMetrics,
    private readonly rejected: RejectedService,
    private readonly declaredTypes: DeclaredTypes,
  ) {}

  /** The readings of a batch by device, in order. Rejected readings are counted and added to `rejectedByDevice`. */
  parse(
    batch: readonly MqttMessage[],
    now: number,
    rejectedByDevice: Map<KnownDevice, RejectedReadings>,
  ): Map<KnownDevice, PendingReading[]> {
    const work = new Map<KnownDevice, PendingReading[]>();
    let bytes = 0;
    let isOfDevices = false;
    for (const message of batch) {
      bytes += message.payload.length;
      const device = this.devices.find(message.topic);
      isOfDevices ||= !device?.isCanary;
      if (device === undefined) {
        const fault = topicFault(message.topic);
        this.countRejected(fault.reason);
        this.rejected.reject('telemetry', fault.reason, message, () => fault);
        continue;
      }
      const { readings, rejected, huge } = parseTelemetry(message.payload, now);
      if (rejected.length > 0) this.rejectReadings(message, device, rejected, rejectedByDevice, now);
      if (huge) this.reportInexact(message);
      const declared = this.declaredTypes.of(device.address.fleet);
      if (declared !== undefined && readings.some(({ reading }) => misfitIn(declared, reading) !== undefined))
        this.rejected.suspect('telemetry', 'type', message, () => misfitFault(declared, message.payload));
      const last = readings.length - 1;
      const isRetained = message.delivery === 'retained';
      for (let i = 0; i <= last; i += 1) {
        const { reading, json } = readings[i]!;
        const pending: PendingReading = {
          n: reading._n,
          seq: reading._seq,
          at: reading._at,
          json,
          reading,
          isRetained,
          isReplayed: i < last,
          isLive: undefined,
          ageMs: reading._at === undefined ? 0 : Math.max(0, now - reading._at),
          arrivedAt: message.arrivedAt,
          traceparent: message.traceparent,
        };
        const others = work.get(device);
        if (others === undefined) work.set(device, [pending]);
        else others.push(pending);
      }
    }
    if (isOfDevices) this.metrics.lastMessage.set(now / 1000);
    this.metrics.payloadBytes.observe(bytes / batch.length);
    return work;
  }

  /** Counts each rejected reading of a message; the message becomes one sample. */
  private rejectReadings(
    message: MqttMessage,
    device: KnownDevice,
    rejected: readonly RejectedReading[],
    rejectedByDevice: Map<KnownDevice, RejectedReadings>,
    now: number,
  ): void {
    for (const { reason, seq } of rejected) {
      this.countRejected(reason);
      addRejected(rejectedByDevice, device, reason, seq);
    }
    this.rejected.reject('telemetry', rejected[0]!.reason, message, () =>
      telemetryFault(message.payload, now),
    );
  }

  private countRejected(reason: RejectReason): void {
    this.metrics.telemetry.inc({ result: 'rejected' });
    this.metrics.rejected.inc({ reason });
  }

  /** Reports integers beyond 2^53, which lose precision. */
  private reportInexact(message: MqttMessage): void {
    const fault = inexactFault(message.payload);
    if (fault !== undefined) this.rejected.suspect('telemetry', 'inexact', message, () => fault);
  }
}
