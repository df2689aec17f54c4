import { Module } from '@nestjs/common';
import { RejectedController } from './rejected.controller.js';

@Module({
  controllers: [RejectedController],
})
export class RejectedModule {}
