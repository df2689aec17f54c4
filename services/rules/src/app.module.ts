import { type DynamicModule, Module } from '@nestjs/common';
import { AcknowledgementsModule } from './acknowledgements/acknowledgements.module.js';
import { BrokerMetricsModule } from './broker-metrics/broker-metrics.module.js';
import { CanaryModule } from './canary/canary.module.js';
import { CommandsModule } from './commands/commands.module.js';
import { EdgeModule } from './edge/edge.module.js';
import { EffectsModule } from './effects/effects.module.js';
import { FairSharesModule } from './fair-shares/fair-shares.module.js';
import { type Foundation, foundationModule } from './foundation.module.js';
import { GroupsModule } from './groups/groups.module.js';
import { LiveEventsModule } from './live-events/live-events.module.js';
import { PresenceModule } from './presence/presence.module.js';
import { RejectedModule } from './rejected/rejected.module.js';
import { RemovalModule } from './removal/removal.module.js';
import { RolloutsModule } from './rollouts/rollouts.module.js';
import { RuleBookModule } from './rule-book/rule-book.module.js';
import { StateModule } from './state/state.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { TimersModule } from './timers/timers.module.js';

@Module({})
class RulesModule {}

/** The rules service: presence and telemetry in, commands out, acknowledgements in, then the work that follows from them. */
export function rulesModule(foundation: Foundation): DynamicModule {
  return {
    module: RulesModule,
    imports: [
      foundationModule(foundation),
      FairSharesModule,
      RuleBookModule,
      PresenceModule,
      RejectedModule,
      TelemetryModule,
      TimersModule,
      GroupsModule,
      CommandsModule,
      AcknowledgementsModule,
      EdgeModule,
      EffectsModule,
      RolloutsModule,
      RemovalModule,
      StateModule,
      CanaryModule,
      LiveEventsModule,
      BrokerMetricsModule,
    ],
  };
}
