import {
  type TelemetrySchema,
  telemetrySchemaSchema,
} from '@lamplighter/contracts/telemetry/telemetry-schema';
import type { Redis } from 'ioredis';
import { TELEMETRY_SCHEMAS_KEY } from '../keys.js';

/** The field that counts the writes of all fleets; no fleet has such a name. */
const REVISION = '*';

/** Keeps what the devices of a fleet measure. Rules that were written before stay as they are. */
export async function writeTelemetrySchema(
  redis: Redis,
  fleet: string,
  schema: TelemetrySchema,
): Promise<void> {
  const write = redis.multi().hset(TELEMETRY_SCHEMAS_KEY, fleet, JSON.stringify(schema));
  for (const [error] of (await write.hincrby(TELEMETRY_SCHEMAS_KEY, REVISION, 1).exec()) ?? [])
    if (error) throw error;
}

/** Reads what a fleet has declared; undefined if it has declared nothing, or what cannot be read. */
export async function readTelemetrySchema(redis: Redis, fleet: string): Promise<TelemetrySchema | undefined> {
  const text = await redis.hget(TELEMETRY_SCHEMAS_KEY, fleet);
  return text === null ? undefined : parse(text);
}

/** Changes with every write of a schema; null before the first. */
export function readTelemetrySchemasRevision(redis: Redis): Promise<string | null> {
  return redis.hget(TELEMETRY_SCHEMAS_KEY, REVISION);
}

/** What fleets have declared, by name. */
export async function readAllTelemetrySchemas(redis: Redis): Promise<Map<string, TelemetrySchema>> {
  const all = new Map<string, TelemetrySchema>();
  for (const [fleet, text] of Object.entries(await redis.hgetall(TELEMETRY_SCHEMAS_KEY))) {
    const schema = fleet === REVISION ? undefined : parse(text);
    if (schema !== undefined) all.set(fleet, schema);
  }
  return all;
}

/** Forgets it. @returns whether there was one */
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
