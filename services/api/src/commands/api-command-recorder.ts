import { CommandLog } from '@lamplighter/service-kit/command-log';
import type { Logger } from '@lamplighter/service-kit/logger';
import { CommandRecorder } from '@lamplighter/store/events/command-recorder';
import { Inject, Injectable } from '@nestjs/common';
import { EventWriter } from '../events/event-writer.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { LOGGER } from '../tokens.js';

/** Records what the API did with commands. */
@Injectable()
export class ApiCommandRecorder extends CommandRecorder {
  constructor(
    @Inject(LOGGER) logger: Logger,
    @Inject(ApiMetrics) metrics: ApiMetrics,
    @Inject(EventWriter) events: EventWriter,
  ) {
    super({
      transitions: metrics.commands,
      events: {
        append: (some) => {
          for (const event of some) events.append(event);
        },
      },
      log: new CommandLog(logger),
    });
  }
}
