import { randomBytes } from 'node:crypto';
import { type Backoff, backoffMs } from '@lamplighter/contracts/backoff';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { connect, type MqttClient } from 'mqtt';
import type { Config } from '../config.js';
import { RulesMetrics } from '../metrics.js';
import { RejectedService } from '../rejected/rejected.service.js';
import { CONFIG } from '../tokens.js';

const KEEPALIVE_SECONDS = 30;
/** Values of $SYS and lines of the log are short. */
const MAX_PACKET_BYTES = 4096;
const RECONNECT: Backoff = { firstMs: 500, maxMs: 10_000 };

/**
 * Subscribes to `$SYS` on a separate connection that does not affect telemetry, commands or readiness. If the broker's access list forbids
 * it, only the age of the newest value grows.
 */
@Injectable()
export class BrokerMetricsService implements OnApplicationBootstrap, OnApplicationShutdown {
  private client: MqttClient | undefined;
  private failures = 0;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: RulesMetrics,
    private readonly rejected: RejectedService,
  ) {}

  onApplicationBootstrap(): void {
    const { broker } = this.metrics;
    const client = connect(this.config.MQTT_URL, {
      protocolVersion: 5,
      ...(this.config.MQTT_CA !== undefined && { ca: this.config.MQTT_CA }),
      clientId: `lamplighter-rules-sys-${randomBytes(16).toString('hex')}`,
      clean: true,
      keepalive: KEEPALIVE_SECONDS,
      reconnectOnConnackError: true,
      connectTimeout: 10_000,
      resubscribe: false,
      properties: { maximumPacketSize: MAX_PACKET_BYTES },
    });
    this.client = client;
    client.on('connect', () => {
      this.failures = 0;
      client.subscribe(broker.topics, { qos: 0 }, () => undefined); // a failure shows in the age of the newest value
    });
    client.on('reconnect', () => {
      // MQTT.js waits `reconnectPeriod` before each attempt; changing it after each gives back-off with jitter.
      client.options.reconnectPeriod = backoffMs(this.failures, RECONNECT);
      this.failures += 1;
    });
    client.on('message', (topic, payload) => this.update(topic, payload.toString()));
    client.on('close', () => broker.clear());
    client.on('error', () => undefined); // the links to the same broker log it
  }

  private update(topic: string, text: string): void {
    const closed = this.metrics.broker.update(topic, text);
    if (closed === undefined) return;
    this.rejected.recordClosedConnection(closed.reason, closed.client, closed.problem, text);
  }

  async onApplicationShutdown(): Promise<void> {
    // eslint-disable-next-line no-restricted-syntax -- the client is being closed
    await this.client?.endAsync(true).catch(() => undefined);
  }
}
