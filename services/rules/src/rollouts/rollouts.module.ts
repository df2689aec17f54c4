import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RolloutsService } from './rollouts.service.js';

/** Commands to many devices at a pace. */
@Module({
  imports: [CommandsModule, LiveEventsModule],
  providers: [RolloutsService],
})
export class RolloutsModule {}
