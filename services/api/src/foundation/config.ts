import {
  certificates,
  httpUrl,
  integer,
  port,
  redisUrl,
  serviceVariables,
} from '@lamplighter/service-kit/config';
import { z } from 'zod';

/** The API's environment. */
export const configSchema = z.object({
  ...serviceVariables,
  REDIS_URL: redisUrl,
  /** For `rediss://`: the certificate authority that signed the certificate of Redis. */
  REDIS_CA: certificates.optional(),
  /** The whole HTTP surface: the console, /v1, /docs, /health and /metrics. */
  API_PORT: port(8080),
  /** Requests per second that one API key may send to this replica. */
  API_KEY_RATE: integer(1000, 1, 1_000_000),
  /** `require`: not ready, and commands are rejected, while Redis is not durable. `warn`: only log a warning. */
  REDIS_DURABILITY: z.enum(['require', 'warn']).default('require'),
  /** Where the accounts of devices are written for the broker; without it, no device can use one. */
  DEVICE_ACCOUNTS_FILE: z.string().min(1).optional(),
  /** Where the promise numbers and the alerts come from; without it the console shows none. */
  PROMETHEUS_URL: httpUrl.optional(),
  /** The console's address outside of the container, logged at startup. */
  CONSOLE_URL: httpUrl.optional(),
});
export type Config = z.infer<typeof configSchema>;
