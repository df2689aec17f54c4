import { parseTopic } from '@lamplighter/contracts/topics';
import { DeviceAddress } from '@lamplighter/store/devices/device-address';
import type { Session } from '@lamplighter/store/devices/session';
import { KnownDevice } from './known-device.js';

/** Devices kept; the least recently heard make room. About 1 kB each. */
const MAX_DEVICES = 100_000;

/** Devices by telemetry topic. */
export class DeviceCache {
  private readonly byTopic = new Map<string, KnownDevice>();
  private older = new Map<string, KnownDevice>();

  /** The device that publishes on a topic; undefined if the topic is none of the contract. */
  find(topic: string): KnownDevice | undefined {
    return this.byTopic.get(topic) ?? this.add(topic);
  }

  /** The device that publishes on a topic, if it was heard lately. */
  cached(topic: string): KnownDevice | undefined {
    return this.byTopic.get(topic) ?? this.older.get(topic);
  }

  /** A birth came: from now on the device understands `_cmd` and answers, and its birth says whether it keeps readings. */
  announce(topic: string, session: Session): void {
    this.cached(topic)?.recordBirth(session);
  }

  private add(topic: string): KnownDevice | undefined {
    const device = this.older.get(topic) ?? this.create(topic);
    if (device === undefined) return undefined;
    if (this.byTopic.size >= MAX_DEVICES / 2) {
      // Two generations instead of a linked list: what is not heard during a whole generation is forgotten.
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
