import { Module } from '@nestjs/common';
import { RejectedModule } from '../rejected/rejected.module.js';
import { BrokerMetricsService } from './broker-metrics.service.js';

/** Metrics from `$SYS`, including the broker's log. */
@Module({
  imports: [RejectedModule],
  providers: [BrokerMetricsService],
})
export class BrokerMetricsModule {}
