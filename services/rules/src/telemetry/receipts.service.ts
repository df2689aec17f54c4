import { BOUNDS } from '@lamplighter/contracts/bounds';
import type { Receipt } from '@lamplighter/contracts/telemetry/receipt';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { Injectable } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';
import type { Batch } from './batch.js';

/** Message expiry of a receipt, seconds: by then the device has sent the reading again. */
const EXPIRY_SECONDS = 60;

/** Publishes receipts. If one is lost, the device sends the reading again. */
@Injectable()
export class ReceiptsService {
  constructor(
    private readonly transport: MqttTransport,
    private readonly metrics: RulesMetrics,
  ) {}

  /** @param storedAt when the batch was stored, monotonic time in ms */
  send({ receipts, storedAt }: Pick<Batch, 'receipts' | 'storedAt'>): void {
    for (const [{ address }, { stored, refused }] of receipts.byDevice) {
      const topic = deviceTopic(address.fleet, 'receipts', address.device);
      for (let from = 0; from < stored.length; from += BOUNDS.maxReceipt) {
        const some = stored.slice(from, from + BOUNDS.maxReceipt);
        this.publish(topic, { stored: some }, 'stored', some.length);
      }
      for (let from = 0; from < refused.length; from += BOUNDS.maxReceipt) {
        const some = refused.slice(from, from + BOUNDS.maxReceipt);
        this.publish(topic, { stored: [], refused: some }, 'refused', some.length);
      }
    }
    this.metrics.processing.observe({ stage: 'ack' }, (performance.now() - storedAt) / 1000);
  }

  private publish(topic: string, receipt: Receipt, result: keyof Receipt, readings: number): void {
    const isSent = this.transport.publishQos0('commands', topic, JSON.stringify(receipt), EXPIRY_SECONDS);
    this.metrics.receipts.inc({ result: isSent ? result : 'dropped' }, readings);
  }
}
