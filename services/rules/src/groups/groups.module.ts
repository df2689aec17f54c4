import { Module } from '@nestjs/common';
import { CanaryModule } from '../canary/canary.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { EvaluationModule } from '../evaluation/evaluation.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { GroupsService } from './groups.service.js';
import { ListeningService } from './listening.service.js';

/** Decisions of quorums. */
@Module({
  imports: [CanaryModule, CommandsModule, EvaluationModule, RuleBookModule],
  providers: [ListeningService, GroupsService],
  exports: [ListeningService, GroupsService],
})
export class GroupsModule {}
