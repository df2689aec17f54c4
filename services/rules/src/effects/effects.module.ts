import { Module } from '@nestjs/common';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { EffectsService } from './effects.service.js';

/** Expected effects of commands. */
@Module({
  imports: [LiveEventsModule],
  providers: [EffectsService],
})
export class EffectsModule {}
