import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { RulesModule } from '../rules/rules.module.js';
import { FleetRolloutsController } from './fleet-rollouts.controller.js';
import { RolloutsController } from './rollouts.controller.js';
import { SelectionController } from './selection.controller.js';

@Module({
  imports: [EventsModule, RulesModule],
  controllers: [FleetRolloutsController, RolloutsController, SelectionController],
})
export class RolloutsModule {}
