import { createLogger } from '@lamplighter/service-kit/log/logger';
import { createApp } from './create-app.js';
import { ApiErrors } from './foundation/api-errors.js';
import { configSchema } from './foundation/config.js';
import { ApiMetrics } from './metrics/api-metrics.js';
import { openApiDocument } from './openapi/document.js';
import { StoreLink } from './store/store-link.js';
import { VERSION } from './version.js';

/** The OpenAPI document as text, built without Redis and without listening. */
export async function openApiText(): Promise<string> {
  const config = configSchema.parse({ REDIS_URL: 'redis://127.0.0.1:6379', LOG_LEVEL: 'silent' });
  const logger = createLogger('api', config.LOG_LEVEL);
  const metrics = new ApiMetrics('api', VERSION);
  const errors = new ApiErrors(logger, metrics);
  const link = new StoreLink({
    url: config.REDIS_URL,
    requireDurability: true,
    logger,
    metrics,
    errors,
    onAvailable: () => Promise.resolve(),
  });
  const app = await createApp({ config, logger, metrics, errors, link });
  const text = `${JSON.stringify(openApiDocument(app, VERSION), null, 2)}\n`;
  await app.close();
  return text;
}
