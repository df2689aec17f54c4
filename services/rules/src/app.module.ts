import type { Seed } from '@lamplighter/evaluation/rule/rule';
import type { Logger } from '@lamplighter/service-kit/logger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { type DynamicModule, Module } from '@nestjs/common';
import { BrokerMetricsService } from './broker-metrics/broker-metrics.service.js';
import { CanaryService } from './canary/canary.service.js';
import { AcknowledgementsController } from './commands/acknowledgements.controller.js';
import { DispatchService } from './commands/dispatch.service.js';
import { RulesCommandRecorder } from './commands/rules-command-recorder.js';
import { UnreadAnswers } from './commands/unread-answers.service.js';
import type { Config } from './config.js';
import { EdgeService } from './edge/edge.service.js';
import { EdgeFollowService } from './edge/edge-follow.service.js';
import { EffectsService } from './effects/effects.service.js';
import { DeviceCache } from './evaluation/device-cache.js';
import { GroupsService } from './groups/groups.service.js';
import { ListeningService } from './groups/listening.service.js';
import { Standings } from './groups/standings.js';
import { LiveEventsService } from './live-events/live-events.service.js';
import { RulesMetrics } from './metrics.js';
import { MqttTransport } from './mqtt/mqtt-transport.js';
import { PresenceController } from './presence/presence.controller.js';
import { MisspeltTopicsController } from './rejected/misspelt-topics.controller.js';
import { RejectedService } from './rejected/rejected.service.js';
import { DeparturesService } from './removal/departures.service.js';
import { RemovalsService } from './removal/removals.service.js';
import { RolloutsService } from './rollouts/rollouts.service.js';
import { RuleBook } from './rule-book/rule-book.service.js';
import { RuleErrors } from './rule-book/rule-errors.service.js';
import { StatePublisher } from './state/state-publisher.service.js';
import { DeclaredTypes } from './telemetry/declared-types.service.js';
import { IngestService } from './telemetry/ingest.service.js';
import { PrefetchService } from './telemetry/prefetch.service.js';
import { ReceiptsService } from './telemetry/receipts.service.js';
import { TelemetryController } from './telemetry/telemetry.controller.js';
import { TimersService } from './timers/timers.service.js';
import { CONFIG, LOGGER, REDIS, SEEDS, SUBSCRIBER } from './tokens.js';

/** What main.ts opens before Nest starts. */
export interface Foundation {
  config: Config;
  logger: Logger;
  metrics: RulesMetrics;
  seeds: readonly Seed[];
  redis: Redis;
  subscriber: Redis;
  transport: MqttTransport;
}

@Module({})
class RulesModule {}

/** The rules service, in the order in which data flows: presence, telemetry in, commands out, answers in. */
export function rulesModule(foundation: Foundation): DynamicModule {
  const { config, logger, metrics, seeds, redis, subscriber, transport } = foundation;
  return {
    module: RulesModule,
    controllers: [
      PresenceController,
      TelemetryController,
      AcknowledgementsController,
      MisspeltTopicsController,
    ],
    providers: [
      { provide: CONFIG, useValue: config },
      { provide: LOGGER, useValue: logger },
      { provide: REDIS, useValue: redis },
      { provide: SUBSCRIBER, useValue: subscriber },
      { provide: RulesMetrics, useValue: metrics },
      { provide: MqttTransport, useValue: transport },
      { provide: SEEDS, useValue: seeds },
      DeviceCache,
      RuleErrors,
      RuleBook,
      LiveEventsService,
      RejectedService,
      ReceiptsService,
      PrefetchService,
      EdgeService,
      EdgeFollowService,
      StatePublisher,
      DeclaredTypes,
      IngestService,
      CanaryService,
      ListeningService,
      TimersService,
      Standings,
      GroupsService,
      RulesCommandRecorder,
      UnreadAnswers,
      DispatchService,
      RolloutsService,
      EffectsService,
      RemovalsService,
      DeparturesService,
      BrokerMetricsService,
    ],
  };
}
