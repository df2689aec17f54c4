import { connectAsync, type IClientPublishOptions } from 'mqtt';
import type { DeviceLink } from '../devices/device-link.js';
import { PLAIN_OPTIONS, PlainDevice } from '../devices/plain-device.js';
import { actionOf } from '../outage/outage-log.js';
import { type Device, deviceName, type Execute, FLEET, type Running } from './design.js';

/** A topic per lane, so that a retained command replaces only the commands that it supersedes. */
export function laneTopic(device: number, lane: string): string {
  return `${FLEET}/commands/${deviceName(device)}/${lane}`;
}

/** The device of designs that rely on the broker for delivery. */
export function newPlainDevice(
  device: number,
  link: DeviceLink,
  execute: Execute,
  keepSessionSeconds?: number,
): Device {
  return new PlainDevice({
    clientId: `${FLEET}.${deviceName(device)}`,
    port: link.port,
    filter: laneTopic(device, '#'),
    execute,
    ...(keepSessionSeconds !== undefined && { keepSessionSeconds }),
  });
}

/**
 * A server that publishes each command at QoS 1 with message expiry and relies on the broker. MQTT.js repeats unacknowledged publishes, even
 * after the broker restarts.
 */
export async function publishCommands(
  url: string,
  how: Pick<IClientPublishOptions, 'retain'>,
  keepSessionSeconds?: number,
): Promise<Running> {
  const client = await connectAsync(url, { ...PLAIN_OPTIONS, clean: true, reconnectPeriod: 500 });
  client.on('error', () => {}); // MQTT.js reconnects
  let unanswered = 0;
  return {
    async issue(command) {
      const { ttlMs } = command;
      unanswered += 1;
      client.publish(
        laneTopic(command.device, command.lane),
        JSON.stringify(actionOf(command)),
        {
          qos: 1,
          ...how,
          ...(ttlMs !== undefined && { properties: { messageExpiryInterval: Math.floor(ttlMs / 1000) } }),
        },
        () => {
          unanswered -= 1;
        },
      );
    },
    get connected() {
      return client.connected;
    },
    settled: async () => unanswered === 0,
    newDevice: (device, link, execute) => newPlainDevice(device, link, execute, keepSessionSeconds),
    stop: () => client.endAsync(true),
  };
}
