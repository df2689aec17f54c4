import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { CommandsModule } from './commands/commands.module.js';
import { DeviceSettingsModule } from './device-settings/device-settings.module.js';
import { DevicesModule } from './devices/devices.module.js';
import { DryRunsModule } from './dry-runs/dry-runs.module.js';
import { EventsModule } from './events/events.module.js';
import { FleetsModule } from './fleets/fleets.module.js';
import { type Foundation, foundationModule } from './foundation/foundation.module.js';
import { HealthModule } from './health/health.module.js';
import { LastStatesModule } from './last-states/last-states.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { NumbersModule } from './numbers/numbers.module.js';
import { RejectedModule } from './rejected/rejected.module.js';
import { RolloutsModule } from './rollouts/rollouts.module.js';
import { RulesModule } from './rules/rules.module.js';
import { TelemetrySchemaModule } from './telemetry-schema/telemetry-schema.module.js';
import { WhyModule } from './why/why.module.js';

@Module({
  imports: [
    FleetsModule,
    DevicesModule,
    AccountsModule,
    LastStatesModule,
    RejectedModule,
    TelemetrySchemaModule,
    RulesModule,
    DryRunsModule,
    CommandsModule,
    DeviceSettingsModule,
    RolloutsModule,
    WhyModule,
    EventsModule,
    AccessModule,
    HealthModule,
    MetricsModule,
    NumbersModule,
  ],
})
class ApiModule {}

/** The API in the order of the data flow: telemetry, rules, commands, and live events of all of them. */
export function apiModule(foundation: Foundation): DynamicModule {
  return { module: ApiModule, imports: [foundationModule(foundation)] };
}
