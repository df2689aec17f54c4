import { Module } from '@nestjs/common';
import { RejectedModule } from '../rejected/rejected.module.js';
import { BrokerMetricsService } from './broker-metrics.service.js';

/** Metrics from `$SYS` and the log of the broker. */
@Module({
  imports: [RejectedModule],
  providers: [BrokerMetricsService],
})
export class BrokerMetricsModule {}
