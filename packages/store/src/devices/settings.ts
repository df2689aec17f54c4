import type { DeviceSetting } from '@lamplighter/contracts/settings/device-setting';
import { DEVICE_SETTINGS } from '@lamplighter/contracts/settings/device-settings';
import type { AdaptiveInterval } from '@lamplighter/contracts/settings/telemetry-interval';
import type { Redis } from 'ioredis';
import { deviceKey, presenceKey, shardOf } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { type KeptReading, readWindow } from './devices.js';

/**
 * Settings: the desired configuration of a device, stored in its HASH. A command sends a setting to the device; the device's behaviour shows
 * whether it applies.
 */

/** The measured interval is the median over this many readings. */
const MEASURED_OVER = 20;
/** Readings to read for that, because late ones are skipped. */
const READ_FOR_INTERVAL = 3 * MEASURED_OVER;

/** Stores the value of a setting; null clears it. The caller sends the command that carries it to the device. */
export async function saveSetting<Written, Sent>(
  redis: Redis,
  { fleet, device }: { readonly fleet: string; readonly device: string },
  setting: DeviceSetting<Written, Sent>,
  value: Sent | null,
): Promise<void> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  const { field } = setting;
  const longest = `${field}:longest`;
  if (value === null) {
    await redis.hdel(key, field, longest);
    return;
  }
  const longestMs = setting.longestIntervalMs?.(value);
  await redis.hset(key, {
    [field]: JSON.stringify(value),
    ...(longestMs !== undefined && { [longest]: longestMs }),
  });
  if (longestMs !== undefined) await extendFreshness(redis, fleet, device, longestMs);
}

/** Reads the settings of a device, by name. */
export async function readSettings(redis: Redis, fleet: string, device: string): Promise<Settings> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  const values = await redis.hmget(key, ...DEVICE_SETTINGS.map(({ field }) => field));
  return Object.fromEntries(
    DEVICE_SETTINGS.flatMap(({ name }, i) => (values[i] == null ? [] : [[name, JSON.parse(values[i])]])),
  );
}

/** The settings of a device, as they are sent to it; a setting that is not set is absent. */
export type Settings = Readonly<Record<string, unknown>>;

/** Extends the freshness of an online device until its next reading is due under the new interval. */
async function extendFreshness(
  redis: Redis,
  fleet: string,
  device: string,
  longestMs: number,
): Promise<void> {
  const key = presenceKey(shardOf(fleet, device), fleet);
  const now = await redisNow(redis);
  if (Number((await redis.zscore(key, device)) ?? -1) >= now)
    await redis.zadd(key, 'XX', 'GT', now + 1.5 * longestMs, device);
}

/** The desired and the measured telemetry interval of a device, milliseconds. */
export interface TelemetryInterval {
  readonly desiredMs?: number;
  /** Replaces `desiredMs` if the interval is adaptive. */
  readonly adaptive?: AdaptiveInterval;
  readonly measuredMs?: number;
}

/** Reads the setting, and measures the actual interval. */
export async function readTelemetryInterval(
  redis: Redis,
  fleet: string,
  device: string,
): Promise<TelemetryInterval> {
  const [desired, readings] = await Promise.all([
    redis.hget(deviceKey(shardOf(fleet, device), fleet, device), 'interval'),
    readWindow(redis, fleet, device, READ_FOR_INTERVAL),
  ]);
  const measuredMs = measureInterval(readings);
  const interval = desired === null ? undefined : (JSON.parse(desired) as number | AdaptiveInterval);
  return {
    ...(typeof interval === 'number' && { desiredMs: interval }),
    ...(typeof interval === 'object' && { adaptive: interval }),
    ...(measuredMs !== undefined && { measuredMs }),
  };
}

/**
 * The median time between the arrivals of the last 20 live readings, milliseconds; undefined for fewer than two.
 * Readings that came in one message count as one arrival.
 * @param readings newest first
 */
export function measureInterval(
  readings: readonly Pick<KeptReading, 'receivedAt' | 'late'>[],
): number | undefined {
  const live = readings.filter(({ late }) => !late).slice(0, MEASURED_OVER);
  const gaps = live
    .slice(1)
    .map(({ receivedAt }, i) => live[i]!.receivedAt - receivedAt)
    .filter((gap) => gap > 0)
    .sort((a, b) => a - b);
  const middle = gaps.length >> 1;
  return gaps.length % 2 === 1
    ? gaps[middle]
    : gaps.length > 0
      ? (gaps[middle - 1]! + gaps[middle]!) / 2
      : undefined;
}
