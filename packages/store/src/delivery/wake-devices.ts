import type { Redis } from 'ioredis';
import { commandKeys, deviceKey } from '../keys.js';
import { callFunctions } from '../redis/functions.js';
import { pipelined } from '../redis/pipelined.js';

/** Pace of the drain to returning devices in each replica, milliseconds from one device to the next. */
const WAKE_EVERY_MS = 2;

/** When the current drain ends, by connection; monotonic clock, milliseconds. */
const drainEndsAt = new WeakMap<Redis, number>();

/**
 * Makes the pending commands of these devices due, paced from one device to the next, so that a returning fleet is not flooded. Devices
 * without pending commands take no time slot.
 * @returns the number of lanes woken
 */
export async function wakeDevices(
  redis: Redis,
  devices: readonly { shard: number; name: string }[],
): Promise<number> {
  const waiting = await pipelined(redis, devices, (pipeline, { shard, name }) =>
    pipeline.zrangebylex(commandKeys(shard)[3]!, `[${name}/`, `(${name}0`, 'LIMIT', 0, 1),
  );
  const now = performance.now();
  let next = Math.max(now, drainEndsAt.get(redis) ?? 0);
  const calls = devices
    .filter((_, i) => (waiting[i] as string[]).length > 0)
    .map(({ shard, name }) => {
      const [fleet, device] = name.split('/') as [string, string];
      const delay = Math.round(next - now);
      next += WAKE_EVERY_MS;
      return { keys: [deviceKey(shard, fleet, device), ...commandKeys(shard)], args: [name, delay] };
    });
  drainEndsAt.set(redis, next);
  const idle = devices.filter((_, i) => (waiting[i] as string[]).length === 0);
  const [woken] = await Promise.all([
    callFunctions(redis, 'wakeDevice-7', calls),
    pipelined(redis, idle, (pipeline, { shard, name }) => {
      const [fleet, device] = name.split('/') as [string, string];
      return pipeline.hdel(deviceKey(shard, fleet, device), 'back');
    }),
  ]);
  return woken.reduce<number>((sum, count) => sum + Number(count), 0);
}
