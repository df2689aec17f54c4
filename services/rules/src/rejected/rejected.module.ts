import { Module } from '@nestjs/common';
import { MisspeltTopicsController } from './misspelt-topics.controller.js';
import { RejectedService } from './rejected.service.js';
import { RetainedJunk } from './retained-junk.service.js';

/** Rejected and suspicious input. */
@Module({
  controllers: [MisspeltTopicsController],
  providers: [RejectedService, RetainedJunk],
  exports: [RejectedService, RetainedJunk],
})
export class RejectedModule {}
