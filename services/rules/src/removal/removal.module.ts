import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { StateModule } from '../state/state.module.js';
import { CleanupsService } from './cleanups.service.js';
import { RemovalsService } from './removals.service.js';

/** Removal of devices and fleets. */
@Module({
  imports: [CommandsModule, GroupsModule, LiveEventsModule, RuleBookModule, StateModule],
  providers: [RemovalsService, CleanupsService],
})
export class RemovalModule {}
