import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { EdgeModule } from '../edge/edge.module.js';
import { FairSharesModule } from '../fair-shares/fair-shares.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { StateModule } from '../state/state.module.js';
import { BatchParser } from './batch-parser.service.js';
import { DeclaredTypes } from './declared-types.service.js';
import { EvaluationRounds } from './evaluation-rounds.service.js';
import { Evaluator } from './evaluator.service.js';
import { LiveReadings } from './live-readings.service.js';
import { PrefetchService } from './prefetch.service.js';
import { ReadingStore } from './reading-store.service.js';
import { ReceiptsService } from './receipts.service.js';
import { Settlement } from './settlement.service.js';
import { TelemetryController } from './telemetry.controller.js';

/** Readings, from the broker to the store. */
@Module({
  imports: [
    CommandsModule,
    EdgeModule,
    FairSharesModule,
    CacheModule,
    GroupsModule,
    LiveEventsModule,
    RejectedModule,
    RuleBookModule,
    StateModule,
  ],
  controllers: [TelemetryController],
  providers: [
    DeclaredTypes,
    BatchParser,
    EvaluationRounds,
    PrefetchService,
    Evaluator,
    ReadingStore,
    Settlement,
    LiveReadings,
    ReceiptsService,
  ],
  exports: [DeclaredTypes, EvaluationRounds],
})
export class TelemetryModule {}
