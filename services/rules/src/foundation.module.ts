import type { Seed } from '@lamplighter/evaluation/rule/rule';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Config } from './config.js';
import { RulesMetrics } from './metrics.js';
import { MqttTransport } from './mqtt/mqtt-transport.js';
import { RulesErrors } from './rules-errors.js';
import { OutageLog } from './store-access/outage-log.js';
import { CONFIG, LOGGER, REDIS, SEEDS, SUBSCRIBER } from './tokens.js';

/** Resources that main.ts creates before Nest starts. */
export interface Foundation {
  config: Config;
  logger: Logger;
  metrics: RulesMetrics;
  errors: RulesErrors;
  seeds: readonly Seed[];
  redis: Redis;
  subscriber: Redis;
  transport: MqttTransport;
}

@Global()
@Module({})
class FoundationModule {}

/** Provides configuration, logs, metrics and connections to every module. */
export function foundationModule(foundation: Foundation): DynamicModule {
  const { config, logger, metrics, errors, seeds, redis, subscriber, transport } = foundation;
  const providers = [
    { provide: CONFIG, useValue: config },
    { provide: LOGGER, useValue: logger },
    { provide: RulesMetrics, useValue: metrics },
    { provide: RulesErrors, useValue: errors },
    { provide: SEEDS, useValue: seeds },
    { provide: REDIS, useValue: redis },
    { provide: SUBSCRIBER, useValue: subscriber },
    { provide: MqttTransport, useValue: transport },
  ];
  return {
    module: FoundationModule,
    providers: [...providers, OutageLog],
    exports: [...providers.map(({ provide }) => provide), OutageLog],
  };
}
