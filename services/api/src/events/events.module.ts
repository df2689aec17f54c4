import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { EventFeed } from './event-feed.js';
import { EventReader } from './event-reader.js';
import { EventWriter } from './event-writer.js';
import { EventsController } from './events.controller.js';

@Module({
  imports: [AccessModule],
  controllers: [EventsController],
  providers: [EventWriter, EventReader, EventFeed],
  exports: [EventWriter, EventReader],
})
export class EventsModule {}
