import { Module } from '@nestjs/common';
import { LiveEventsService } from './live-events.service.js';

/** Live events. */
@Module({
  providers: [LiveEventsService],
  exports: [LiveEventsService],
})
export class LiveEventsModule {}
