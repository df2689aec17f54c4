import type { Redis } from 'ioredis';
import { commandKeys, deviceKey } from '../keys.js';
import { pipelined } from '../redis/pipelined.js';
import { runScripts } from '../redis/script.js';

/** Devices that come back are served at this pace by each replica: the first at once, the next after so long. Milliseconds. */
const WAKE_EVERY_MS = 2;

/** Until when the devices that came back so far are served, by connection; on the monotonic clock, milliseconds. */
const drainEndsAt = new WeakMap<Redis, number>();

/**
 * Makes what waits for these devices due: the first one's now, the others' a little later each, so that a fleet that comes
 * back is not served all at once. Devices for which nothing waits take no turn.
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
    runScripts(redis, 'wakeDevice-7', calls),
    pipelined(redis, idle, (pipeline, { shard, name }) => {
      const [fleet, device] = name.split('/') as [string, string];
      return pipeline.hdel(deviceKey(shard, fleet, device), 'back');
    }),
  ]);
  return woken.reduce<number>((sum, count) => sum + Number(count), 0);
}
