import { wakeDevices } from '@lamplighter/store/delivery/wake-devices';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { Redis } from '@lamplighter/store/redis/connect';
import type { LiveEventsService } from '../live-events/live-events.service.js';
import type { RulesMetrics } from '../metrics.js';
import { untilStored } from '../store-access/until-stored.js';

/**
 * Makes what waits for devices that came back due, and does not give up while Redis is away: nobody tells a second time that
 * they are back, and what has waited for long would go on waiting for minutes, or until it expires.
 */
export async function wakeUntilStored(
  redis: Redis,
  devices: readonly DeviceAddress[],
  metrics: RulesMetrics,
  events: LiveEventsService,
): Promise<void> {
  const wake = async (some: readonly DeviceAddress[]) => {
    await metrics.storeCall('wake', () => wakeDevices(redis, some));
    return some.map(() => undefined);
  };
  await untilStored(devices, wake, {
    onRetry: (error) => events.storeFailed(error),
    onPoison: (device, error) => events.poisoned(device, error),
  });
}
