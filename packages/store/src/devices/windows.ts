import type { Redis } from 'ioredis';
import { pipelined } from '../redis/pipelined.js';
import type { DeviceAddress } from './device-address.js';
import { type KeptReading, parseEntry } from './devices.js';

/** A device's latest readings, oldest first, and the counts of readings that fence a verdict on them. */
export interface DeviceWindow {
  readonly readings: readonly KeptReading[];
  readonly count: number;
  readonly late: number;
  /** The longest telemetry interval that was set for the device, milliseconds. */
  readonly longestIntervalMs?: number;
}

/**
 * Reads the latest readings of devices in one round trip.
 * @param depths how many readings of each device
 */
export async function readWindows(
  redis: Redis,
  devices: readonly { readonly address: DeviceAddress; readonly depth: number }[],
): Promise<DeviceWindow[]> {
  // Counts first: a late reading in between then causes a conflict, and is never missed.
  const replies = (await Promise.all([
    pipelined(redis, devices, (pipeline, { address }) =>
      pipeline.hmget(address.deviceKey, 'late', 'interval:longest'),
    ),
    pipelined(redis, devices, (pipeline, { address, depth }) =>
      pipeline.lrange(address.windowKey, -depth, -1),
    ),
  ])) as [(string | null)[][], string[][]];
  return devices.map((_, i) => {
    const entries = replies[1][i]!;
    const [, count] = /^\d+,\d,(\d*),/.exec(entries.at(-1) ?? '') ?? [];
    const [late, longest] = replies[0][i]!;
    return {
      // The time of a retained reading is unknown, so windows of rules exclude it.
      readings: entries.map(parseEntry).filter(({ history }) => history !== 'retained'),
      count: Number(count ?? 0),
      late: Number(late ?? 0),
      ...(longest && { longestIntervalMs: Number(longest) }),
    };
  });
}
