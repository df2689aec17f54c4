import { Module } from '@nestjs/common';
import { CacheModule } from '../cache/cache.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { EdgeModule } from '../edge/edge.module.js';
import { GroupsModule } from '../groups/groups.module.js';
import { LiveEventsModule } from '../live-events/live-events.module.js';
import { RejectedModule } from '../rejected/rejected.module.js';
import { RuleBookModule } from '../rule-book/rule-book.module.js';
import { StateModule } from '../state/state.module.js';
import { BatchParser } from './batch-parser.service.js';
import { DeclaredTypes } from './declared-types.service.js';
import { IngestService } from './ingest.service.js';
import { PrefetchService } from './prefetch.service.js';
import { ReceiptsService } from './receipts.service.js';
import { TelemetryController } from './telemetry.controller.js';

/** Readings, from the broker to the store. */
@Module({
  imports: [
    CommandsModule,
    EdgeModule,
    CacheModule,
    GroupsModule,
    LiveEventsModule,
    RejectedModule,
    RuleBookModule,
    StateModule,
  ],
  controllers: [TelemetryController],
  providers: [DeclaredTypes, BatchParser, PrefetchService, ReceiptsService, IngestService],
  exports: [DeclaredTypes, IngestService],
})
export class TelemetryModule {}
