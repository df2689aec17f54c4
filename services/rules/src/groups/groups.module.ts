import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { CanaryModule } from '../canary/canary.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { GroupsService } from './groups.service.js';
import { ListeningService } from './listening.service.js';

/** Quorum decisions. */
@Module({
  imports: [CanaryModule, CommandsModule, CacheModule, RuleBookModule],
  providers: [ListeningService, GroupsService],
  exports: [ListeningService, GroupsService],
})
export class GroupsModule {}
