import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { TimersService } from './timers.service.js';

/** Evaluations without a reading. */
@Module({
  imports: [CacheModule, GroupsModule, RuleBookModule, TelemetryModule],
  providers: [TimersService],
})
export class TimersModule {}
