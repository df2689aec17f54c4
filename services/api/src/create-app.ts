import { NestLogger } from '@lamplighter/service-kit/log/logger';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import helmet from 'helmet';
import { ApiKeyCheck } from './access/api-key-check.js';
import { KeyLimits } from './access/key-limits.js';
import { requireApiKey } from './access/require-api-key.js';
import { apiModule } from './app.module.js';
import { exposeOpenCommands } from './commands/open-commands-gauge.js';
import { serveConsole } from './console/console-files.js';
import { exposeDevices } from './devices/devices-gauge.js';
import type { Foundation } from './foundation/foundation.module.js';
import { exposeRoutes, measureRequests } from './metrics/http-metrics.js';
import { openApiDocument } from './openapi/document.js';
import { endUnreadBody } from './requests/end-unread-body.js';
import type { Layer } from './requests/http-request.js';
import { BODY_READERS, limitBody, rejectOtherBodies } from './requests/json-body.js';
import { parseJson } from './requests/parse-json.js';
import { ValidationPipe } from './requests/validation.pipe.js';
import { ProblemFilter } from './responses/problem.filter.js';
import { VERSION } from './version.js';

/** Time limits for sending the headers and the whole request, milliseconds. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;

/** Builds the HTTP application without listening or connecting to Redis. */
export async function createApp(foundation: Foundation): Promise<NestExpressApplication> {
  const { logger, metrics, errors, link } = foundation;
  const app = await NestFactory.create<NestExpressApplication>(apiModule(foundation), {
    logger: new NestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.disable('x-powered-by');
  app.disable('etag');
  app.useGlobalFilters(new ProblemFilter(errors));
  app.useGlobalPipes(new ValidationPipe());

  app.use(measureRequests(metrics));
  app.use(endUnreadBody);
  // Swagger UI has inline styles but no inline scripts. TLS, and so HSTS, is the job of a reverse proxy.
  app.use(
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
  );
  app.use(serveConsole());
  app.use('/v1', requireApiKey(app.get(ApiKeyCheck), app.get(KeyLimits), metrics));
  app.use('/v1', rejectOtherBodies);
  app.use('/v1', limitBody);
  for (const reader of BODY_READERS) app.useBodyParser('raw', reader);
  app.use(parseJson);
  SwaggerModule.setup('docs', app, () => openApiDocument(app, VERSION), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Lamplighter API',
  });
  await app.init();

  const server = app.getHttpServer();
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  const { stack } = (app.getHttpAdapter().getInstance() as { router: { stack: readonly Layer[] } }).router;
  exposeRoutes(metrics, stack);
  exposeDevices(metrics, link, errors);
  exposeOpenCommands(metrics, link, errors);
  metrics.redis.expose(link, errors);
  return app;
}
