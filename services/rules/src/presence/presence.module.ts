import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { FairSharesModule } from '../fair-shares/fair-shares.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { StateModule } from '../state/state.module.js';
import { PresenceController } from './presence.controller.js';

/** Births and wills. */
@Module({
  imports: [CacheModule, CommandsModule, FairSharesModule, LiveEventsModule, RejectedModule, StateModule],
  controllers: [PresenceController],
})
export class PresenceModule {}
