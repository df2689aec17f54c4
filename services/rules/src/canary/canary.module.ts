import { Module } from '@nestjs/common';
import { CanaryService } from './canary.service.js';

/** Readings of the service itself, which prove the path. */
@Module({
  providers: [CanaryService],
  exports: [CanaryService],
})
export class CanaryModule {}
