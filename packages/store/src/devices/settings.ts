import { type AdaptiveInterval, longestIntervalMs } from '@lamplighter/contracts/telemetry/adaptive-interval';
import type { Redis } from 'ioredis';
import { deviceKey, presenceKey, shardOf } from '../keys.js';
import { redisNow } from '../redis/connect.js';
import { type KeptReading, readWindow } from './devices.js';

/**
 * Settings: what the server wants of a device for good, kept in the device's HASH beside what the device says of itself. A
 * setting reaches the device by a command; whether it has taken effect shows in what the device does.
 */

/** How many of a device's latest readings the measured interval is taken from. */
const MEASURED_OVER = 20;
/** Readings that came late stand among the live ones, so a few more are looked at. */
const READ_FOR_INTERVAL = 3 * MEASURED_OVER;

/** Keeps how often a device is to measure: fixed, milliseconds, or following a measurement; null clears it. */
export async function setTelemetryInterval(
  redis: Redis,
  fleet: string,
  device: string,
  interval: number | AdaptiveInterval | null,
): Promise<void> {
  const key = deviceKey(shardOf(fleet, device), fleet, device);
  if (interval === null) {
    await redis.hdel(key, 'interval', 'interval:longest');
    return;
  }
  const longestMs = longestIntervalMs(interval);
  await redis.hset(key, { interval: JSON.stringify(interval), 'interval:longest': longestMs });
  await extendFreshness(redis, fleet, device, longestMs);
}

/** One that counts as online does so until its next reading may be due under the new interval. */
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

/** How often a device is to measure, and how often readings of it came lately, milliseconds. */
export interface TelemetryInterval {
  readonly desiredMs?: number;
  /** In its place if the interval follows a measurement. */
  readonly adaptive?: AdaptiveInterval;
  readonly measuredMs?: number;
}

/** Reads the setting, and measures. */
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
 * The median time between the arrivals of the last 20 live readings, milliseconds; undefined of fewer than two.
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
