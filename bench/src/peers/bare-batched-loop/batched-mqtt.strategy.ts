import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { connect, type MqttClient } from 'mqtt';
import { lastValueFrom } from 'rxjs';

/** A message as it arrived. */
export interface RawMessage {
  readonly topic: string;
  readonly payload: Buffer;
}

/**
 * Calls the handler of a topic filter with a batch: all messages that arrived while the previous batch was being handled.
 * At QoS 1 MQTT.js sends the PUBACK when a message joins the batch, before the batch is stored.
 */
export class BatchedMqttStrategy extends Server implements CustomTransportStrategy {
  private client: MqttClient | undefined;
  private arrived: RawMessage[] = [];
  private isBusy = false;

  constructor(
    private readonly url: string,
    private readonly qos: 0 | 1,
  ) {
    super();
  }

  listen(callback: (error?: Error) => void): void {
    const [filter] = this.messageHandlers.keys();
    const client = connect(this.url);
    this.client = client;
    client.on('error', (error) => this.logger.error(error));
    client.on('message', (topic, payload) => {
      this.arrived.push({ topic, payload });
      if (!this.isBusy) this.drain(filter!).catch((error: unknown) => this.logger.error(error));
    });
    client.once('connect', () =>
      client.subscribe(filter!, { qos: this.qos }, (error) => callback(error ?? undefined)),
    );
  }

  publish(topic: string, payload: string): void {
    this.client?.publish(topic, payload, { qos: this.qos });
  }

  async close(): Promise<void> {
    await this.client?.endAsync();
  }

  on(): never {
    throw new Error('this transport has no events');
  }

  unwrap<T>(): T {
    return this.client as T;
  }

  private async drain(filter: string): Promise<void> {
    const handler = this.getHandlerByPattern(filter)!;
    this.isBusy = true;
    try {
      while (this.arrived.length > 0) {
        const batch = this.arrived;
        this.arrived = [];
        const result = this.transformToObservable(await handler(batch));
        await lastValueFrom(result, { defaultValue: undefined });
      }
    } finally {
      this.isBusy = false;
    }
  }
}
