import { MAX_PRESENCE_BYTES } from '@lamplighter/contracts/devices/presence';
import { Injectable } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import type { MqttMessage } from '../mqtt/messages.js';
import { MqttTransport } from '../mqtt/mqtt-transport.js';

/** Topics that are being cleared at a time; the broker sends what remains with the next subscription. */
const MAX_OPEN = 1000;

/**
 * Clears retained messages on presence topics other than births and wills: otherwise one account could fill the memory of the broker, which
 * keeps a retained message until it is cleared. Other topics hold nothing retained that rules may clear, since it cannot write telemetry.
 */
@Injectable()
export class RetainedJunk {
  private open = 0;

  constructor(
    private readonly transport: MqttTransport,
    private readonly metrics: RulesMetrics,
  ) {}

  /** Clears a message that is rejected unread, if it is too large for a birth. */
  clearOversized({ topic, payload }: Pick<MqttMessage, 'topic' | 'payload'>): void {
    if (payload.length > MAX_PRESENCE_BYTES && topic.split('/', 2)[1] === 'presence') this.clear(topic);
  }

  /** Clears the retained message of a presence topic. */
  clear(topic: string): void {
    if (this.open >= MAX_OPEN) return;
    this.open += 1;
    void this.transport.clearRetained('commands', topic).then((outcome) => {
      this.open -= 1;
      if (outcome !== 'lost') this.metrics.retainedCleared.inc();
    });
  }
}
