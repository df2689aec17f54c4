import { Module } from '@nestjs/common';
import { WhyController } from './why.controller.js';
import { WhyNotController } from './why-not.controller.js';

@Module({
  controllers: [WhyController, WhyNotController],
})
export class WhyModule {}
