import { port, redisUrl, serviceVariables } from '@lamplighter/service-kit/config';
import { z } from 'zod';

/** The API's environment. */
export const configSchema = z.object({
  ...serviceVariables,
  REDIS_URL: redisUrl,
  /** The whole HTTP surface: /v1, /docs, /health and /metrics. */
  API_PORT: port(8080),
  /** `require`: while Redis could lose commands, not ready and no command taken. `warn`: serve all the same. */
  REDIS_DURABILITY: z.enum(['require', 'warn']).default('require'),
});
export type Config = z.infer<typeof configSchema>;
