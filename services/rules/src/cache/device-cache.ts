import { parseTopic } from '@lamplighter/contracts/topics';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { Session } from '@lamplighter/store/devices/session';
import { KnownDevice } from './known-device.js';

/** Cached devices, about 1 kB each. The least recently active ones are evicted. */
const MAX_DEVICES = 100_000;

/** Devices by telemetry topic. */
export class DeviceCache {
  private readonly byTopic = new Map<string, KnownDevice>();
  private older = new Map<string, KnownDevice>();

  /** The device that publishes on a telemetry topic, added if it is not cached; undefined for other topics. */
  find(topic: string): KnownDevice | undefined {
    return this.byTopic.get(topic) ?? this.add(topic);
  }

  /** The device that publishes on a topic, if it is cached. */
  cached(topic: string): KnownDevice | undefined {
    return this.byTopic.get(topic) ?? this.older.get(topic);
  }

  /** Records a birth: the device understands `_cmd` and acknowledges, and its birth declares whether it expects receipts. */
  announce(topic: string, session: Session): void {
    this.cached(topic)?.recordBirth(session);
  }

  private add(topic: string): KnownDevice | undefined {
    const device = this.older.get(topic) ?? this.create(topic);
    if (device === undefined) return undefined;
    if (this.byTopic.size >= MAX_DEVICES / 2) {
      // Two generations instead of a linked list: a device that is inactive for a whole generation is evicted.
      this.older = new Map(this.byTopic);
      this.byTopic.clear();
    }
    this.byTopic.set(topic, device);
    return device;
  }

  private create(topic: string): KnownDevice | undefined {
    const parsed = parseTopic(topic);
    if (parsed?.kind !== 'telemetry') return undefined;
    const { fleet, device, lesson } = parsed;
    return new KnownDevice(new DeviceAddress(fleet, device, lesson));
  }
}
