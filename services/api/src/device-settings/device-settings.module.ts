import { Module } from '@nestjs/common';
import { CommandsModule } from '../commands/commands.module.js';
import { DeviceSettingsController } from './device-settings.controller.js';

@Module({
  imports: [CommandsModule],
  controllers: [DeviceSettingsController],
})
export class DeviceSettingsModule {}
