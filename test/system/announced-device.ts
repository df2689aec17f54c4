import { deviceTopic } from '@lamplighter/contracts/topics';
import { connectDevice, type TestDevice } from '@lamplighter/test-kit/device';
import type { TestFleet } from '@lamplighter/test-kit/servers/broker';
import { until } from '@lamplighter/test-kit/until';
import type { SharedStack } from './stack.js';

/**
 * Connects a device that publishes a birth. Settles when the rules service has stored the birth: commands that are dispatched before
 * that have no `_cmd`.
 */
export async function connectAnnounced(
  stack: SharedStack,
  fleet: TestFleet,
  name = 'lamp-0001',
  birth: { session: number; [key: string]: unknown } = { session: 1 },
): Promise<TestDevice> {
  const device = await connectDevice(fleet, name);
  const topic = deviceTopic(fleet.name, 'presence', name);
  await device.publish(topic, { online: true, ...birth }, { retain: true });
  await until(
    async () => {
      const { body } = await stack.get(`/v1/fleets/${fleet.name}/devices/${name}`);
      return body.session?.id === birth.session && body.presence === 'online';
    },
    { what: `the birth of ${fleet.name}/${name} to be stored` },
  );
  return device;
}

/** The id of a command that an announced device received. */
export function idOf({ _cmd }: Record<string, unknown>): string {
  return (_cmd as { id: string }).id;
}

/** Publishes an acknowledgement of a command. */
export function acknowledge(
  device: TestDevice,
  id: string,
  status: string,
  more: object = {},
): Promise<void> {
  const topic = deviceTopic(device.fleet, 'acknowledgements', device.device);
  return device.publish(topic, { id, status, ...more });
}
