import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RolloutsService } from './rollouts.service.js';

/** Rollouts: one command for many devices, at a rate. */
@Module({
  imports: [CommandsModule, LiveEventsModule],
  providers: [RolloutsService],
})
export class RolloutsModule {}
