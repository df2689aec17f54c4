import { Module } from '@nestjs/common';
import { LiveEventsService } from './live-events.service.js';

/** The event stream of live views. */
@Module({
  providers: [LiveEventsService],
  exports: [LiveEventsService],
})
export class LiveEventsModule {}
