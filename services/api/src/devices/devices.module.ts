import { Module } from '@nestjs/common';
import { CommandRecordsModule } from '../command-records/command-records.module.js';
import { EventsModule } from '../events/events.module.js';
import { DeviceRemover } from './device-remover.js';
import { DevicesController } from './devices.controller.js';
import { EdgeDecisionsController } from './edge-decisions.controller.js';

@Module({
  imports: [CommandRecordsModule, EventsModule],
  controllers: [DevicesController, EdgeDecisionsController],
  providers: [DeviceRemover],
})
export class DevicesModule {}
