import { deviceKey, presenceKey, shardOf, windowKey } from '../keys.js';

/** A device and its keys, built once because every batch needs them. */
export class DeviceAddress {
  readonly shard: number;
  readonly name: string;
  readonly deviceKey: string;
  readonly windowKey: string;
  readonly presenceKey: string;

  constructor(
    readonly fleet: string,
    readonly device: string,
    readonly lesson: boolean,
  ) {
    this.name = `${fleet}/${device}`;
    this.shard = shardOf(fleet, device);
    this.deviceKey = deviceKey(this.shard, fleet, device);
    this.windowKey = windowKey(this.shard, fleet, device);
    this.presenceKey = presenceKey(this.shard, fleet);
  }
}
