import { Module } from '@nestjs/common';
import { EvaluationModule } from '../evaluation/evaluation.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { TimersService } from './timers.service.js';

/** Decisions that no reading triggers. */
@Module({
  imports: [EvaluationModule, GroupsModule, RuleBookModule, TelemetryModule],
  providers: [TimersService],
})
export class TimersModule {}
