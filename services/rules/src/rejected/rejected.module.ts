import { Module } from '@nestjs/common';
import { MisspeltTopicsController } from './misspelt-topics.controller.js';
import { RejectedService } from './rejected.service.js';

/** Rejected and suspicious input. */
@Module({
  controllers: [MisspeltTopicsController],
  providers: [RejectedService],
  exports: [RejectedService],
})
export class RejectedModule {}
