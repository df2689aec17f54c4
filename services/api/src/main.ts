import 'reflect-metadata';
import type { Server } from 'node:http';
import { readConfig } from '@lamplighter/service-kit/config';
import { createLogger } from '@lamplighter/service-kit/log/logger';
import { PortTaken } from '@lamplighter/service-kit/operations-server';
import { type RunningService, runService } from '@lamplighter/service-kit/run-service';
import { AuditTrail } from './access/audit-trail.js';
import { reportMissingKey } from './access/first-key.js';
import { DeviceAccountsFile } from './broker-accounts/device-accounts-file.js';
import { createApp } from './create-app.js';
import { EventFeed } from './events/event-feed.js';
import { EventReader } from './events/event-reader.js';
import { EventWriter } from './events/event-writer.js';
import { UnexplainedGauge } from './fleets/unexplained-gauge.js';
import { ApiErrors } from './foundation/api-errors.js';
import { configSchema } from './foundation/config.js';
import { Readiness } from './health/readiness.js';
import { ApiMetrics } from './metrics/api-metrics.js';
import { StoreLink } from './store/store-link.js';
import { VERSION } from './version.js';
import { CommandWaits } from './waits/command-waits.js';

/** On shutdown, requests have this long to complete before their connections are closed, milliseconds. */
const LINGER_MS = 5000;

async function start(): Promise<RunningService> {
  const config = readConfig(configSchema);
  const logger = createLogger('api', config.LOG_LEVEL);
  const metrics = new ApiMetrics('api', VERSION);
  const errors = new ApiErrors(logger, metrics);
  const link = new StoreLink({
    url: config.REDIS_URL,
    ca: config.REDIS_CA,
    requireDurability: config.REDIS_DURABILITY === 'require',
    logger,
    metrics,
    errors,
    onAvailable: (redis) => reportMissingKey(redis, logger),
  });
  const app = await createApp({ config, logger, metrics, errors, link });
  const server = app.getHttpServer();
  await listen(server, config.API_PORT, config.HOST);
  link.start();
  const accounts =
    config.DEVICE_ACCOUNTS_FILE === undefined
      ? undefined
      : new DeviceAccountsFile(config.DEVICE_ACCOUNTS_FILE, link, errors);
  accounts?.start();
  app.get(UnexplainedGauge).start();
  logger.info({ address: server.address() }, 'started');
  if (config.CONSOLE_URL !== undefined)
    logger.info(
      `console at ${config.CONSOLE_URL}; sign in with an API key: docker compose exec api node dist/create-key.js`,
    );

  return {
    async close() {
      logger.info('stopping');
      app.get(Readiness).stopping();
      accounts?.stop();
      app.get(UnexplainedGauge).stop();
      app.get(CommandWaits).close();
      app.get(EventFeed).close();
      app.get(EventReader).close();
      // Clients keep idle connections open; also close those that become idle during shutdown.
      const idle = setInterval(() => server.closeIdleConnections(), 100);
      // A client that never finishes its request, or never reads the response, must not block the shutdown.
      const linger = setTimeout(() => server.closeAllConnections(), LINGER_MS);
      await app.close();
      clearInterval(idle);
      clearTimeout(linger);
      await app.get(EventWriter).drain();
      await app.get(AuditTrail).drain();
      link.stop();
      logger.info('stopped');
    },
  };
}

/** Nest's own `listen` would log the error of an occupied port with its stack. */
function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PortTaken({ host, port, variable: 'API_PORT' }) : error),
    );
    server.listen(port, host, resolve);
  });
}

await runService('api', start);
