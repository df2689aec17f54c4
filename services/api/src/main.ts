import 'reflect-metadata';
import { readConfig } from '@lamplighter/service-kit/config';
import { createLogger } from '@lamplighter/service-kit/logger';
import { PortTaken } from '@lamplighter/service-kit/operations-server';
import { type RunningService, runService } from '@lamplighter/service-kit/run-service';
import { offerFirstKey } from './access/first-key.js';
import { configSchema } from './config.js';
import { createApp } from './create-app.js';
import { EventFeed } from './events/event-feed.js';
import { EventWriter } from './events/event-writer.js';
import { Readiness } from './health/readiness.js';
import { ApiMetrics } from './metrics/api-metrics.js';
import { StoreLink } from './store/store-link.js';
import { VERSION } from './version.js';

async function start(): Promise<RunningService> {
  const config = readConfig(configSchema);
  const logger = createLogger('api', config.LOG_LEVEL);
  const metrics = new ApiMetrics('api', VERSION);
  const link = new StoreLink({
    url: config.REDIS_URL,
    requireDurability: config.REDIS_DURABILITY === 'require',
    logger,
    metrics,
    whenBack: offerFirstKey,
  });
  const app = await createApp({ config, logger, metrics, link });
  try {
    await app.listen(config.API_PORT, config.HOST);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new PortTaken(config.HOST, config.API_PORT);
    throw error;
  }
  link.start();
  logger.info({ address: await app.getUrl() }, 'started');

  return {
    async close() {
      app.get(Readiness).stopping();
      app.get(EventFeed).close();
      // Clients keep idle connections open; those that fall idle while we wait are closed as well.
      const idle = setInterval(() => app.getHttpServer().closeIdleConnections(), 100);
      await app.close();
      clearInterval(idle);
      await app.get(EventWriter).drain();
      link.stop();
    },
  };
}

await runService('api', start);
