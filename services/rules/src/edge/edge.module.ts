import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { EdgeService } from './edge.service.js';
import { EdgeFollowService } from './edge-follow.service.js';

/** Rules that devices evaluate themselves. */
@Module({
  imports: [CommandsModule, RejectedModule],
  providers: [EdgeService, EdgeFollowService],
  exports: [EdgeService],
})
export class EdgeModule {}
