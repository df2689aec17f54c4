import type { Logger } from '@lamplighter/service-kit/logger';
import { type DynamicModule, Module } from '@nestjs/common';
import { ApiKeyCheck } from './access/api-key-check.js';
import { KeysController } from './access/keys.controller.js';
import { ApiCommandRecorder } from './commands/api-command-recorder.js';
import { CommandSender } from './commands/command-sender.js';
import { CommandsController } from './commands/commands.controller.js';
import { DeviceCommandsController } from './commands/device-commands.controller.js';
import { LanesController } from './commands/lanes.controller.js';
import { OpenCommandsController } from './commands/open-commands.controller.js';
import type { Config } from './config.js';
import { DeviceRemover } from './devices/device-remover.js';
import { DevicesController } from './devices/devices.controller.js';
import { EdgeDecisionsController } from './devices/edge-decisions.controller.js';
import { SettingsController } from './devices/settings.controller.js';
import { EventFeed } from './events/event-feed.js';
import { EventReader } from './events/event-reader.js';
import { EventWriter } from './events/event-writer.js';
import { EventsController } from './events/events.controller.js';
import { FleetSettingsController } from './fleets/fleet-settings.controller.js';
import { FleetsController } from './fleets/fleets.controller.js';
import { LedgerController } from './fleets/ledger.controller.js';
import { LedgerReader } from './fleets/ledger-reader.js';
import { TelemetrySchemaController } from './fleets/telemetry-schema.controller.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { ApiErrors } from './metrics/api-errors.js';
import { ApiMetrics } from './metrics/api-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { UnexplainedGauge } from './metrics/unexplained-gauge.js';
import { RejectedController } from './rejected/rejected.controller.js';
import { FleetRolloutsController } from './rollouts/fleet-rollouts.controller.js';
import { RolloutsController } from './rollouts/rollouts.controller.js';
import { ActionLanes } from './rules/action-lanes.js';
import { RuleCheck } from './rules/rule-check.js';
import { RuleSchemaController } from './rules/rule-schema.controller.js';
import { RuleVersionsController } from './rules/rule-versions.controller.js';
import { RuleWriter } from './rules/rule-writer.js';
import { RulesController } from './rules/rules.controller.js';
import { RulesSwitchController } from './rules/rules-switch.controller.js';
import { StoreLink } from './store/store-link.js';
import { CONFIG, LOGGER } from './tokens.js';
import { DryRunController } from './tryout/dry-run.controller.js';
import { RuleDiffController } from './tryout/rule-diff.controller.js';
import { Runs } from './tryout/work.js';
import { CommandWaits } from './waits/command-waits.js';
import { WhyController } from './why/why.controller.js';
import { WhyNotController } from './why/why-not.controller.js';

/** What is there before Nest starts. */
export interface Foundation {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly link: StoreLink;
}

@Module({})
class ApiModule {}

/** The API in the order in which data flows: what devices told, commands to them, what was refused, all of it live. */
export function apiModule({ config, logger, metrics, link }: Foundation): DynamicModule {
  return {
    module: ApiModule,
    controllers: [
      FleetsController,
      LedgerController,
      DevicesController,
      SettingsController,
      EdgeDecisionsController,
      DeviceCommandsController,
      LanesController,
      OpenCommandsController,
      CommandsController,
      WhyController,
      FleetRolloutsController,
      RolloutsController,
      TelemetrySchemaController,
      FleetSettingsController,
      RulesController,
      RulesSwitchController,
      RuleVersionsController,
      RuleSchemaController,
      DryRunController,
      RuleDiffController,
      WhyNotController,
      RejectedController,
      KeysController,
      EventsController,
      HealthController,
      MetricsController,
    ],
    providers: [
      { provide: CONFIG, useValue: config },
      { provide: LOGGER, useValue: logger },
      { provide: ApiMetrics, useValue: metrics },
      { provide: StoreLink, useValue: link },
      ApiKeyCheck,
      EventWriter,
      EventReader,
      EventFeed,
      DeviceRemover,
      ApiCommandRecorder,
      ApiErrors,
      CommandSender,
      CommandWaits,
      ActionLanes,
      RuleCheck,
      RuleWriter,
      Runs,
      LedgerReader,
      UnexplainedGauge,
      Readiness,
    ],
  };
}
