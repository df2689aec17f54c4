import type { Redis } from 'ioredis';
import { pipelined } from '../redis/pipelined.js';
import type { DeviceAddress } from './device-address.js';
import { type KeptReading, parseEntry } from './devices.js';

/** A device's latest readings, oldest first, and how many the window has been given in all: what a verdict on them is fenced by. */
export interface DeviceHistory {
  readonly readings: readonly KeptReading[];
  readonly count: number;
  readonly late: number;
  /** The longest time between two readings that the device was told, milliseconds. */
  readonly longestIntervalMs?: number;
}

/**
 * Reads what devices have sent lately, in one round trip.
 * @param depths how many readings of each device
 */
export async function readHistories(
  redis: Redis,
  devices: readonly { readonly address: DeviceAddress; readonly depth: number }[],
): Promise<DeviceHistory[]> {
  // The count first: a late reading that comes in between makes the verdict be judged again, and never the other way round.
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
      // The time of a retained reading is unknown, so no rule's window includes it.
      readings: entries.map(parseEntry).filter(({ history }) => history !== 'retained'),
      count: Number(count ?? 0),
      late: Number(late ?? 0),
      ...(longest && { longestIntervalMs: Number(longest) }),
    };
  });
}
