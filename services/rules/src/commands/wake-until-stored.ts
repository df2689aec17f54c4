import { wakeDevices } from '@lamplighter/store/delivery/wake-devices';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { Redis } from '@lamplighter/store/redis/connect';
import type { RulesMetrics } from '../metrics.js';
import type { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';

/**
 * Makes the pending commands of returned devices due, and retries while Redis is unavailable: a return is reported only once, and without
 * a wake-up a command that has waited long would wait for minutes more, or until it expires.
 */
export async function wakeUntilStored(
  redis: Redis,
  devices: readonly DeviceAddress[],
  metrics: RulesMetrics,
  outages: OutageLog,
): Promise<void> {
  const wake = async (some: readonly DeviceAddress[]) => {
    await metrics.storeCall('wake', () => wakeDevices(redis, some));
    return some.map(() => undefined);
  };
  await untilStored(devices, wake, {
    onRetry: (error) => outages.writeFailed(error),
    onPoison: (device, error) => outages.inputDropped(device, error),
  });
}
