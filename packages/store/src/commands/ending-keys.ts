import { countedCommandKeys, deviceKey, shardOf } from '../keys.js';

/** The keys of a script that may end a command of this device, which is in the shard of the command. */
export const keysToEndCommand = (fleet: string, device: string, shard = shardOf(fleet, device)) => [
  deviceKey(shard, fleet, device),
  ...countedCommandKeys(shard, fleet),
];
