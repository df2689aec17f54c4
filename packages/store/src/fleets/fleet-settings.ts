import type { Redis } from 'ioredis';
import { FLEET_SETTINGS_KEY } from '../keys.js';

/**
 * Settings of fleets, in one HASH: `<fleet>/<setting>` → value, and `*` → the number of writes. `*` is not a valid fleet name.
 * A setting that was never written has its default.
 */
export interface FleetSettings {
  /** Whether the last state of each device is published as a retained message. */
  readonly publishState: boolean;
}

const DEFAULT_FLEET_SETTINGS: FleetSettings = { publishState: false };

const REVISION = '*';

/** Stores settings of a fleet; absent ones do not change. */
export async function writeFleetSettings(
  redis: Redis,
  fleet: string,
  { publishState }: Partial<FleetSettings>,
): Promise<void> {
  const write = redis.multi();
  if (publishState !== undefined)
    write.hset(FLEET_SETTINGS_KEY, `${fleet}/publishState`, publishState ? 1 : 0);
  for (const [error] of (await write.hincrby(FLEET_SETTINGS_KEY, REVISION, 1).exec()) ?? [])
    if (error) throw error;
}

export async function readFleetSettings(redis: Redis, fleet: string): Promise<FleetSettings> {
  const publishState = await redis.hget(FLEET_SETTINGS_KEY, `${fleet}/publishState`);
  return publishState === null ? DEFAULT_FLEET_SETTINGS : { publishState: publishState === '1' };
}

/** Changes with every write of a setting; null before the first. */
export function readFleetSettingsRevision(redis: Redis): Promise<string | null> {
  return redis.hget(FLEET_SETTINGS_KEY, REVISION);
}

/** The settings of all fleets that have written one, by fleet. */
export async function readAllFleetSettings(redis: Redis): Promise<Map<string, FleetSettings>> {
  const all = new Map<string, FleetSettings>();
  for (const [field, value] of Object.entries(await redis.hgetall(FLEET_SETTINGS_KEY))) {
    const [fleet = '', setting] = field.split('/');
    if (setting === 'publishState') all.set(fleet, { publishState: value === '1' });
  }
  return all;
}
