import {
  type TelemetrySchema,
  telemetrySchemaSchema,
} from '@lamplighter/contracts/telemetry/telemetry-schema';
import type { Redis } from 'ioredis';
import { TELEMETRY_SCHEMAS_KEY } from '../keys.js';

/** The field that counts the writes of all fleets; no fleet has such a name. */
const REVISION = '*';

/** Stores the telemetry schema of a fleet. Existing rules do not change. */
export async function writeTelemetrySchema(
  redis: Redis,
  fleet: string,
  schema: TelemetrySchema,
): Promise<void> {
  const write = redis.multi().hset(TELEMETRY_SCHEMAS_KEY, fleet, JSON.stringify(schema));
  for (const [error] of (await write.hincrby(TELEMETRY_SCHEMAS_KEY, REVISION, 1).exec()) ?? [])
    if (error) throw error;
}

/** Reads the telemetry schema of a fleet; undefined if it has none, or an unreadable one. */
export async function readTelemetrySchema(redis: Redis, fleet: string): Promise<TelemetrySchema | undefined> {
  const text = await redis.hget(TELEMETRY_SCHEMAS_KEY, fleet);
  return text === null ? undefined : parse(text);
}

/** Changes with every write of a schema; null before the first. */
export function readTelemetrySchemasRevision(redis: Redis): Promise<string | null> {
  return redis.hget(TELEMETRY_SCHEMAS_KEY, REVISION);
}

/** The readable telemetry schemas, by fleet. */
export async function readAllTelemetrySchemas(redis: Redis): Promise<Map<string, TelemetrySchema>> {
  const all = new Map<string, TelemetrySchema>();
  for (const [fleet, text] of Object.entries(await redis.hgetall(TELEMETRY_SCHEMAS_KEY))) {
    const schema = fleet === REVISION ? undefined : parse(text);
    if (schema !== undefined) all.set(fleet, schema);
  }
  return all;
}

/** Deletes the telemetry schema of a fleet. @returns whether it had one */
export async function deleteTelemetrySchema(redis: Redis, fleet: string): Promise<boolean> {
  const replies = await redis
    .multi()
    .hdel(TELEMETRY_SCHEMAS_KEY, fleet)
    .hincrby(TELEMETRY_SCHEMAS_KEY, REVISION, 1)
    .exec();
  for (const [error] of replies ?? []) if (error) throw error;
  return replies?.[0]?.[1] === 1;
}

function parse(text: string): TelemetrySchema | undefined {
  try {
    return telemetrySchemaSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
