import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { currentValue, readConfig } from '@lamplighter/service-kit/config';
import { createLogger, NestLogger } from '@lamplighter/service-kit/log/logger';
import { show, whenScraped } from '@lamplighter/service-kit/metrics';
import { serveOperations } from '@lamplighter/service-kit/operations-server';
import { type RunningService, runService } from '@lamplighter/service-kit/run-service';
import { connectRedis, durabilityProblems, type Redis } from '@lamplighter/store/redis/connect';
import { storeFailure } from '@lamplighter/store/redis/store-failure';
import { NestFactory } from '@nestjs/core';
import { rulesModule } from './app.module.js';
import { CANARY_STALE_MS, CanaryService } from './canary/canary.service.js';
import { DispatchService } from './commands/dispatch.service.js';
import { type Config, configSchema } from './config.js';
import { EdgeService } from './edge/edge.service.js';
import { EdgeFollowService } from './edge/edge-follow.service.js';
import { EffectsService } from './effects/effects.service.js';
import { RulesMetrics } from './metrics.js';
import { durableClientId } from './mqtt/durable-client-id.js';
import { MqttTransport } from './mqtt/mqtt-transport.js';
import { shareGroup } from './mqtt/share-group.js';
import { CleanupsService } from './removal/cleanups.service.js';
import { RemovalsService } from './removal/removals.service.js';
import { RolloutsService } from './rollouts/rollouts.service.js';
import { readSeeds } from './rule-book/seed-file.js';
import { RulesErrors } from './rules-errors.js';
import { StatePublisher } from './state/state-publisher.service.js';
import { DeclaredTypes } from './telemetry/declared-types.service.js';
import { TimersService } from './timers/timers.service.js';

const VERSION = '0.1.0';
/**
 * Longest wait for Redis at startup. A connection takes milliseconds; without this wait, every other start logs a spurious
 * "Redis unavailable".
 */
const REDIS_WAIT_MS = 3000;

async function start(): Promise<RunningService> {
  const config = readConfig(configSchema);
  const seeds = readSeeds(config.RULES_FILE);
  const logger = createLogger('rules', config.LOG_LEVEL);
  const metrics = new RulesMetrics('rules', VERSION);
  const errors = new RulesErrors(logger, metrics);
  let redisProblem: string | undefined = 'not connected yet';
  let markAttempted = () => {};
  const redisAttempted = new Promise<void>((resolve) => {
    markAttempted = resolve;
  });
  const redisSettings = { ca: config.REDIS_CA, readUrl: () => currentValue('REDIS_URL') };
  const redis = connectRedis(config.REDIS_URL, 'rules', {
    ...redisSettings,
    onUp: () => {
      redisProblem = undefined;
      logger.info('connected to Redis');
      markAttempted();
    },
    onDown: (reason) => {
      redisProblem = reason;
      logger.warn({ reason }, 'cannot reach Redis; retrying');
      markAttempted();
    },
  });
  const subscriber = connectRedis(config.REDIS_URL, 'rules-subscriber', redisSettings);
  const transport = new MqttTransport({
    url: config.MQTT_URL,
    ca: config.MQTT_CA,
    clientId:
      config.INGEST_MODE === 'durable'
        ? durableClientId(config.MQTT_URL)
        : `lamplighter-rules-${randomBytes(16).toString('hex')}`,
    readUrl: () => currentValue('MQTT_URL'),
    group: shareGroup,
    durable: config.INGEST_MODE === 'durable',
    logger,
    onReconnect: (reason) => metrics.reconnects.inc({ reason }),
    onFailure: (error, batch) => {
      metrics.telemetry.inc({ result: 'failed' }, batch.messages);
      errors.report('handler', error, 'a message handler failed; its batch is dropped', batch);
    },
  });
  whenScraped(metrics.connected, (gauge) => gauge.set(transport.problems().length === 0 ? 1 : 0));
  whenScraped(metrics.inFlight, (gauge) => gauge.set(transport.inFlightMessages));
  whenScraped(metrics.backpressure, (counter) => show(counter, transport.backpressureSeconds));

  const app = await NestFactory.createMicroservice(
    rulesModule({ config, logger, metrics, errors, seeds, redis, subscriber, transport }),
    { strategy: transport, logger: new NestLogger(logger), abortOnError: false },
  );
  await Promise.race([redisAttempted, delay(REDIS_WAIT_MS, undefined, { ref: false })]);
  await app.listen();
  const canary = app.get(CanaryService);
  const operations = await serveOperations({
    host: config.HOST,
    port: config.RULES_PORT,
    variable: 'RULES_PORT',
    registry: metrics.registry,
    readiness: async () => [
      ...transport.problems(),
      ...(redisProblem === undefined
        ? await storeProblems(config, redis, canary, errors)
        : [`Redis is unavailable: ${redisProblem}`]),
    ],
  });
  whenScraped(metrics.canaryAge, (gauge) => gauge.set(canary.silenceMs / 1000));
  whenScraped(metrics.durable, async (gauge) => gauge.set((await isDurable(redis, errors)) ? 1 : 0));
  logger.info({ seeds: seeds.length, port: config.RULES_PORT }, 'started');

  return {
    async close() {
      logger.info('stopping');
      await Promise.all([
        transport.drain(),
        app.get(RolloutsService).stop(),
        app.get(TimersService).stop(),
        app.get(EffectsService).stop(),
        app.get(EdgeService).stop(),
        app.get(EdgeFollowService).stop(),
        app.get(RemovalsService).stop(),
        app.get(CleanupsService).stop(),
        app.get(StatePublisher).stop(),
        app.get(DeclaredTypes).stop(),
      ]);
      await app.get(DispatchService).stop();
      await app.close();
      operations.close();
      redis.disconnect();
      subscriber.disconnect();
      logger.info('stopped');
    },
  };
}

/** Limit of the durability check: with a frozen Redis a scrape must not exceed 5 s, or Prometheus reports the service as down. */
const DURABILITY_MS = 1000;

async function isDurable(redis: Redis, errors: RulesErrors): Promise<boolean> {
  const unknown = new Promise<boolean>((resolve) => setTimeout(resolve, DURABILITY_MS, false).unref());
  const checked = durabilityProblems(redis).then(
    (problems) => problems.length === 0,
    (error: unknown) => {
      if (storeFailure(error) === undefined) errors.report('readiness', error, 'cannot check durability');
      return false;
    },
  );
  return Promise.race([checked, unknown]);
}

/** Why the service is not ready, if Redis is reachable. */
async function storeProblems(
  config: Config,
  redis: Redis,
  canary: CanaryService,
  errors: RulesErrors,
): Promise<string[]> {
  const problems: string[] = [];
  try {
    if (config.REDIS_DURABILITY === 'require') problems.push(...(await durabilityProblems(redis)));
    const age = await canary.ageMs();
    if (age === undefined || age > CANARY_STALE_MS) {
      problems.push(
        'no recent canary reading reached Redis through the broker; check the broker access list',
      );
    }
    problems.push(...canary.problems());
  } catch (error) {
    if (storeFailure(error) === undefined) errors.report('readiness', error, 'cannot check readiness');
    problems.push(`Redis is unavailable: ${(error as Error).message}`);
  }
  return problems;
}

await runService('rules', start);
