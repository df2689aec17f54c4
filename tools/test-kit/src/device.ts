import { deviceTopic } from '@lamplighter/contracts/topics';
import type { IClientOptions } from 'mqtt';
import { connectMqtt, type TestClient } from './mqtt-client.js';
import type { TestFleet } from './servers/broker.js';

/** A device as anyone could write it, without the project's client library: what it sends is up to the test. */
export interface TestDevice extends TestClient {
  readonly fleet: string;
  readonly device: string;
  /** Publishes one reading, or a replay, to its telemetry topic. */
  sendReading(reading: object, options?: { qos?: 0 | 1 | 2 }): Promise<void>;
  /** The next command that was not yet taken: its payload. */
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
    sendReading: (reading: object, how: { qos?: 0 | 1 | 2 } = {}) =>
      client.publish(topic('telemetry'), reading, how),
    nextCommand: async (timeoutMs?: number) => parse((await client.next(isCommand, timeoutMs)).payload),
    commands: () => client.received.filter(isCommand).map(({ payload }) => parse(payload)),
  });
}

const parse = (payload: Buffer) => JSON.parse(payload.toString()) as Record<string, unknown>;
