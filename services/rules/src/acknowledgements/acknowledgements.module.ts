import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { AcknowledgementsController } from './acknowledgements.controller.js';
import { UnreadAcknowledgements } from './unread-acknowledgements.service.js';

/** Devices' acknowledgements of commands. */
@Module({
  imports: [CommandsModule, LiveEventsModule, RejectedModule],
  controllers: [AcknowledgementsController],
  providers: [UnreadAcknowledgements],
})
export class AcknowledgementsModule {}
