import { Module } from '@nestjs/common';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { DeviceWaker } from './device-waker.service.js';
import { DispatchService } from './dispatch.service.js';
import { RulesCommandRecorder } from './rules-command-recorder.js';

/** Dispatch of commands to the broker. */
@Module({
  imports: [LiveEventsModule],
  providers: [RulesCommandRecorder, DispatchService, DeviceWaker],
  exports: [RulesCommandRecorder, DispatchService, DeviceWaker],
})
export class CommandsModule {}
