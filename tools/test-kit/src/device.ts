import { deviceTopic } from '@lamplighter/contracts/topics';
import type { IClientOptions } from 'mqtt';
import { connectMqtt, type TestClient } from './mqtt-client.js';
import type { TestFleet } from './servers/broker.js';

/** A device without the project's client library, so that a test controls each message. */
export interface TestDevice extends TestClient {
  readonly fleet: string;
  readonly device: string;
  /** Publishes a reading, or a replay, to its telemetry topic. */
  sendReading(reading: object, options?: { qos?: 0 | 1 | 2 }): Promise<void>;
  /** The payload of the next command that `nextCommand` has not returned yet. */
  nextCommand(timeoutMs?: number): Promise<Record<string, unknown>>;
  /** All commands so far. */
  commands(): Record<string, unknown>[];
}

/** Connects as `<fleet>.<device>` and subscribes to the device's commands and receipts. */
export async function connectDevice(
  fleet: TestFleet,
  device = 'lamp-0001',
  options: IClientOptions = {},
): Promise<TestDevice> {
  const client = await connectMqtt(fleet.url, { clientId: `${fleet.name}.${device}`, ...options });
  const topic = (kind: 'telemetry' | 'commands' | 'receipts') => deviceTopic(fleet.name, kind, device);
  await client.subscribe(topic('commands'));
  await client.subscribe(topic('receipts'));
  const isCommand = (message: { topic: string }) => message.topic === topic('commands');
  return Object.assign(client, {
    fleet: fleet.name,
    device,
    sendReading: (reading: object, options: { qos?: 0 | 1 | 2 } = {}) =>
      client.publish(topic('telemetry'), reading, options),
    nextCommand: async (timeoutMs?: number) => parse((await client.next(isCommand, timeoutMs)).payload),
    commands: () => client.received.filter(isCommand).map(({ payload }) => parse(payload)),
  });
}

const parse = (payload: Buffer) => JSON.parse(payload.toString()) as Record<string, unknown>;
