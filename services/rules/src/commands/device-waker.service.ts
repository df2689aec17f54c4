import { wakeDevices } from '@lamplighter/store/delivery/wake-devices';
import type { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { Redis } from '@lamplighter/store/redis/connect';
import { Inject, Injectable } from '@nestjs/common';
import { RulesMetrics } from '../metrics.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';

/**
 * Makes the pending commands of returned devices due. Retries while Redis is unavailable: a return is reported only once, and without a
 * wake-up a command that has waited long would wait for minutes more, or until it expires.
 */
@Injectable()
export class DeviceWaker {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly outages: OutageLog,
  ) {}

  /** Wakes the devices in the background. */
  wake(devices: readonly DeviceAddress[]): void {
    if (devices.length > 0) void this.wakeUntilStored(devices);
  }

  private async wakeUntilStored(devices: readonly DeviceAddress[]): Promise<void> {
    const wake = async (some: readonly DeviceAddress[]) => {
      await this.metrics.storeCall('wake', () => wakeDevices(this.redis, some));
      return some.map(() => undefined);
    };
    await untilStored(devices, wake, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: (device, error) => this.outages.inputDropped(device, error),
    });
  }
}
