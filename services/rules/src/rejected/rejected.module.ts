import { Module } from '@nestjs/common';
import { MisspeltTopicsController } from './misspelt-topics.controller.js';
import { RejectedService } from './rejected.service.js';

/** Refused and suspicious input. */
@Module({
  controllers: [MisspeltTopicsController],
  providers: [RejectedService],
  exports: [RejectedService],
})
export class RejectedModule {}
