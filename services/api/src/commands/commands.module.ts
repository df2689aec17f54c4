import { Module } from '@nestjs/common';
import { CommandRecordsModule } from '../command-records/command-records.module.js';
import { RulesModule } from '../rules/rules.module.js';
import { WaitsModule } from '../waits/waits.module.js';
import { CommandSender } from './command-sender.js';
import { CommandsController } from './commands.controller.js';
import { DeviceCommandsController } from './device-commands.controller.js';
import { LanesController } from './lanes.controller.js';
import { OpenCommandsController } from './open-commands.controller.js';
import { StoppedLanesController } from './stopped-lanes.controller.js';

@Module({
  imports: [CommandRecordsModule, WaitsModule, RulesModule],
  controllers: [
    DeviceCommandsController,
    LanesController,
    StoppedLanesController,
    OpenCommandsController,
    CommandsController,
  ],
  providers: [CommandSender],
  exports: [CommandSender],
})
export class CommandsModule {}
