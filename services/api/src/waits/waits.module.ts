import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { CommandWaits } from './command-waits.js';

@Module({
  imports: [EventsModule],
  providers: [CommandWaits],
  exports: [CommandWaits],
})
export class WaitsModule {}
