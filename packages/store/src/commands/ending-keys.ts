import { countedCommandKeys, deviceKey, shardOf } from '../keys.js';

/** The keys of functions that can end a command of this device. */
export const keysToEndCommand = (fleet: string, device: string, shard = shardOf(fleet, device)) => [
  deviceKey(shard, fleet, device),
  ...countedCommandKeys(shard, fleet),
];
