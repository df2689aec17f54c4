import { Module } from '@nestjs/common';
import { RulesModule } from '../rules/rules.module.js';
import { TelemetrySchemaController } from './telemetry-schema.controller.js';

@Module({
  imports: [RulesModule],
  controllers: [TelemetrySchemaController],
})
export class TelemetrySchemaModule {}
