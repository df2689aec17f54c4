import { Module } from '@nestjs/common';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { DispatchService } from './dispatch.service.js';
import { RulesCommandRecorder } from './rules-command-recorder.js';

/** Dispatch of commands to the broker. */
@Module({
  imports: [LiveEventsModule],
  providers: [RulesCommandRecorder, DispatchService],
  exports: [RulesCommandRecorder, DispatchService],
})
export class CommandsModule {}
