import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  certificates,
  decimal,
  integer,
  mqttUrl,
  port,
  redisUrl,
  serviceVariables,
} from '@lamplighter/service-kit/config';
import { z } from 'zod';

/** The rules service's environment. */
export const configSchema = z.object({
  ...serviceVariables,
  MQTT_URL: mqttUrl,
  /** For `mqtts://`: the certificate authority that signed the certificate of the broker. */
  MQTT_CA: certificates.optional(),
  REDIS_URL: redisUrl,
  /** For `rediss://`: the certificate authority that signed the certificate of Redis. */
  REDIS_CA: certificates.optional(),
  /** `/metrics` and `/health/…`. */
  RULES_PORT: port(8081),
  RULES_FILE: z.string().default(fileURLToPath(new URL('../rules/night-light.json', import.meta.url))),
  /** `shared`: replicas share the load on clean sessions. `durable`: one replica, and the broker keeps its session. */
  INGEST_MODE: z.enum(['shared', 'durable']).default('shared'),
  /** How long after its report an edge decision is evaluated; by then the neighbours should have sent their readings, too. */
  EDGE_JUDGE_SECONDS: decimal(60, 0, 3600),
  /** Limits of each replica: messages of up to 256 bytes per second on a topic of a device, and of a fleet while others are active. */
  DEVICE_RATE: integer(200, 1, 1_000_000),
  FLEET_RATE: integer(5000, 1, 10_000_000),
  /** Devices that a fleet can add per second and replica. */
  NEW_DEVICE_RATE: integer(500, 1, 1_000_000),
  /** `require`: not ready while Redis could lose commands. `warn`: ready anyway. */
  REDIS_DURABILITY: z.enum(['require', 'warn']).default('require'),
});
export type Config = z.infer<typeof configSchema>;

/** A name for this replica that survives restarts: letters, digits and `-`. */
export function replicaName({ RULES_PORT }: Config): string {
  return `${hostname()}-${RULES_PORT}`
    .replace(/[^A-Za-z0-9-]/g, '-')
    .slice(-64)
    .replace(/^-+/, '');
}
