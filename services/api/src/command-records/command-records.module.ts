import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { ApiCommandRecorder } from './api-command-recorder.js';

@Module({
  imports: [EventsModule],
  providers: [ApiCommandRecorder],
  exports: [ApiCommandRecorder],
})
export class CommandRecordsModule {}
