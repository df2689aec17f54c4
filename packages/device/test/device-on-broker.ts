import type { CommandEnvelope } from '@lamplighter/contracts/commands/command';
import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectMqtt, type TestClient } from '@lamplighter/test-kit/mqtt-client';
import { closeLater } from '@lamplighter/test-kit/resources';
import type { TestBroker, TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import { parseBrokerUrl } from '../src/connection/broker.js';
import { DeviceClient, type DeviceOptions } from '../src/device-client.js';
import type { DeviceEvent } from '../src/device-event.js';

export const LAMP = 'lamp-0001';

export const envelope = (id: string, more: Partial<CommandEnvelope> = {}): CommandEnvelope => ({
  id,
  lane: 'led_on',
  seq: 1,
  attempt: 1,
  expiresAt: Date.now() + 60_000,
  ...more,
});

/** A device in a new fleet with the actions it executed and its events, and a client that receives what it publishes. */
export async function setUpDevice(broker: TestBroker, options: Partial<DeviceOptions> = {}) {
  const fleet = await broker.newFleet();
  const service = await connectMqtt(broker.rulesUrl);
  for (const kind of ['telemetry', 'acknowledgements', 'presence'] as const) {
    await service.subscribe(deviceTopic(fleet.name, kind, LAMP));
  }
  const executed: unknown[] = [];
  const events: DeviceEvent[] = [];
  const device = new DeviceClient({
    broker: parseBrokerUrl(fleet.url),
    fleet: fleet.name,
    device: LAMP,
    backoff: { firstMs: 50, maxMs: 200 },
    execute: (action) => void executed.push(action),
    onEvent: (event) => events.push(event),
    ...options,
  });
  closeLater('device', () => device.close());
  return { fleet, service, device, executed, events };
}

export const untilOnline = (device: DeviceClient) =>
  until(() => device.online, { what: 'the device to come online' });

export const sendCommand = (service: TestClient, fleet: TestFleet, action: object, cmd?: CommandEnvelope) =>
  service.publish(deviceTopic(fleet.name, 'commands', LAMP), { ...action, ...(cmd && { _cmd: cmd }) });

/** The next message of the device. */
export async function nextMessage(
  service: TestClient,
  fleet: TestFleet,
  kind: 'telemetry' | 'acknowledgements' | 'presence',
) {
  const { payload } = await service.next(({ topic }) => topic === deviceTopic(fleet.name, kind, LAMP));
  return JSON.parse(payload.toString()) as Record<string, unknown>;
}
