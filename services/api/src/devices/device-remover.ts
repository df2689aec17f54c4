import { PRESENCE_STATES } from '@lamplighter/contracts/devices/presence';
import { revokeAccount } from '@lamplighter/store/accounts/device-accounts';
import { removeDevices } from '@lamplighter/store/removal/remove-devices';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ApiCommandRecorder } from '../command-records/api-command-recorder.js';
import { EventWriter } from '../events/event-writer.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { noSuchDevice } from '../problems/not-found.js';
import type { DevicePath } from '../requests/address.js';
import { StoreLink } from '../store/store-link.js';

export const removedDeviceSchema = z
  .object({
    fleet: z.string(),
    device: z.string(),
    presence: z.enum(PRESENCE_STATES).meta({
      description:
        'Presence before the removal. A device that was online will report again, as a new device.',
    }),
    ended: z
      .array(z.object({ id: z.string(), state: z.enum(['cancelled', 'unknown']) }))
      .meta({ description: 'The open commands, and the state in which they ended' }),
  })
  .meta({
    id: 'RemovedDevice',
    examples: [
      {
        fleet: 'demo',
        device: 'lamp-0001',
        presence: 'offline',
        ended: [{ id: '01KAP3Z8Q4T5V6W7X8Y9ZABCDE-17', state: 'cancelled' }],
      },
    ],
  });
export type RemovedDevice = z.infer<typeof removedDeviceSchema>;

/** Removes single devices. */
@Injectable()
export class DeviceRemover {
  constructor(
    private readonly link: StoreLink,
    private readonly metrics: ApiMetrics,
    private readonly events: EventWriter,
    private readonly recorder: ApiCommandRecorder,
  ) {}

  /** @throws Problem `no-such-device` */
  async remove({ fleet, device }: DevicePath): Promise<RemovedDevice> {
    const redis = this.link.durableRedis;
    // First, so that it cannot report again after its removal.
    const hadAccount = await revokeAccount(redis, fleet, device);
    const [removal] = await removeDevices(redis, [{ fleet, device }]);
    if (removal?.outcome !== 'removed') {
      if (hadAccount) return { fleet, device, presence: 'never_seen', ended: [] };
      throw noSuchDevice(fleet, device);
    }
    for (const { id, state, source } of removal.ended)
      this.recorder.recordTransition(state, source, { id, fleet, device }, { cause: 'removed' });
    this.metrics.devicesRemoved.inc({ cause: 'api' });
    this.events.append({ type: 'removal', fleet, device, state: 'removed', cause: 'api' });
    return {
      fleet,
      device,
      presence: removal.presence,
      ended: removal.ended.map(({ id, state }) => ({ id, state })),
    };
  }
}
