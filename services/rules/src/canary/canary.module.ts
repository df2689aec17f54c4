import { Module } from '@nestjs/common';
import { CanaryService } from './canary.service.js';

/** Canaries: readings of the service itself that check the path. */
@Module({
  providers: [CanaryService],
  exports: [CanaryService],
})
export class CanaryModule {}
