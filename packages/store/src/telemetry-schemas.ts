import { type TelemetrySchema, telemetrySchemaSchema } from '@lamplighter/contracts/telemetry-schema';
import type { Redis } from 'ioredis';
import { TELEMETRY_SCHEMAS_KEY } from './keys.js';

/** Keeps what the devices of a fleet measure. Rules that were written before stay as they are. */
export async function writeTelemetrySchema(
  redis: Redis,
  fleet: string,
  schema: TelemetrySchema,
): Promise<void> {
  await redis.hset(TELEMETRY_SCHEMAS_KEY, fleet, JSON.stringify(schema));
}

/** Reads what a fleet has declared; undefined if it has declared nothing, or what cannot be read. */
export async function readTelemetrySchema(redis: Redis, fleet: string): Promise<TelemetrySchema | undefined> {
  const text = await redis.hget(TELEMETRY_SCHEMAS_KEY, fleet);
  if (text === null) return undefined;
  try {
    return telemetrySchemaSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Forgets it. @returns whether there was one */
export async function deleteTelemetrySchema(redis: Redis, fleet: string): Promise<boolean> {
  return (await redis.hdel(TELEMETRY_SCHEMAS_KEY, fleet)) === 1;
}
