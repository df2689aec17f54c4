import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { FleetSettingsController } from './fleet-settings.controller.js';
import { FleetsController } from './fleets.controller.js';
import { LedgerController } from './ledger.controller.js';
import { LedgerReader } from './ledger-reader.js';
import { UnexplainedGauge } from './unexplained-gauge.js';

@Module({
  imports: [EventsModule],
  controllers: [FleetsController, LedgerController, FleetSettingsController],
  providers: [LedgerReader, UnexplainedGauge],
})
export class FleetsModule {}
