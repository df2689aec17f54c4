import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Config } from '../foundation/config.js';
import { CONFIG } from '../foundation/tokens.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { AccessGuard } from './access.guard.js';
import { ApiKeyCheck } from './api-key-check.js';
import { AuditController } from './audit.controller.js';
import { AuditTrail } from './audit-trail.js';
import { KeyLimits } from './key-limits.js';
import { KeysController } from './keys.controller.js';

@Module({
  controllers: [KeysController, AuditController],
  providers: [
    ApiKeyCheck,
    AuditTrail,
    {
      provide: KeyLimits,
      inject: [CONFIG, ApiMetrics],
      useFactory: (config: Config, metrics: ApiMetrics) => new KeyLimits(config, metrics),
    },
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [ApiKeyCheck, AuditTrail, KeyLimits],
})
export class AccessModule {}
