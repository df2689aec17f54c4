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
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { Batch } from './batch.js';
import { DeclaredTypes } from './declared-types.service.js';

/** Parses batches of telemetry messages. */
@Injectable()
export class BatchParser {
  constructor(
    private readonly devices: DeviceCache,
    private readonly metrics: RulesMetrics,
    private readonly rejected: RejectedService,
    private readonly declaredTypes: DeclaredTypes,
  ) {}

  /** The readings of messages by device, in order. Rejected readings are counted. */
  parse(messages: readonly MqttMessage[], now: number): Batch {
    const started = performance.now();
    const batch = new Batch();
    let bytes = 0;
    let isOfDevices = false;
    for (const message of messages) {
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
      if (rejected.length > 0) this.rejectReadings(batch, message, device, rejected, now);
      if (huge) this.reportInexact(message);
      const declared = this.declaredTypes.of(device.address.fleet);
      if (declared !== undefined && readings.some(({ reading }) => misfitIn(declared, reading) !== undefined))
        this.rejected.suspect('telemetry', 'type', message, () => misfitFault(declared, message.payload));
      const last = readings.length - 1;
      const isRetained = message.delivery === 'retained';
      for (const [i, { reading, json }] of readings.entries())
        batch.add(device, {
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
        });
    }
    if (isOfDevices) this.metrics.lastMessageAt = now;
    this.metrics.payloadBytes.observe(bytes / messages.length);
    this.metrics.processing.observe({ stage: 'parse' }, (performance.now() - started) / 1000);
    return batch;
  }

  /** Counts each rejected reading of a message; the message becomes one sample. */
  private rejectReadings(
    batch: Batch,
    message: MqttMessage,
    device: KnownDevice,
    rejected: readonly RejectedReading[],
    now: number,
  ): void {
    for (const { reason, seq } of rejected) {
      this.countRejected(reason);
      batch.reject(device, reason, seq);
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
