import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { ActionLanes } from './action-lanes.js';
import { RuleCheck } from './rule-check.js';
import { RuleSchemaController } from './rule-schema.controller.js';
import { RuleStatesController } from './rule-states.controller.js';
import { RuleVersionsController } from './rule-versions.controller.js';
import { RuleWriter } from './rule-writer.js';
import { RulesController } from './rules.controller.js';
import { RulesSwitchController } from './rules-switch.controller.js';

@Module({
  imports: [EventsModule],
  controllers: [
    RulesController,
    RuleStatesController,
    RulesSwitchController,
    RuleVersionsController,
    RuleSchemaController,
  ],
  providers: [RuleCheck, RuleWriter, ActionLanes],
  exports: [RuleCheck, ActionLanes],
})
export class RulesModule {}
