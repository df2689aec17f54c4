import type { Logger } from '@lamplighter/service-kit/log/logger';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { StoreLink } from '../store/store-link.js';
import { ApiErrors } from './api-errors.js';
import type { Config } from './config.js';
import { CONFIG, LOGGER } from './tokens.js';

/** What main.ts creates before Nest starts. */
export interface Foundation {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly errors: ApiErrors;
  readonly link: StoreLink;
}

@Global()
@Module({})
class FoundationModule {}

/** Provides configuration, log, metrics and store to all modules. */
export function foundationModule({ config, logger, metrics, errors, link }: Foundation): DynamicModule {
  return {
    module: FoundationModule,
    providers: [
      { provide: CONFIG, useValue: config },
      { provide: LOGGER, useValue: logger },
      { provide: ApiMetrics, useValue: metrics },
      { provide: StoreLink, useValue: link },
      { provide: ApiErrors, useValue: errors },
    ],
    exports: [CONFIG, LOGGER, ApiMetrics, StoreLink, ApiErrors],
  };
}
