import { CommandLog } from '@lamplighter/service-kit/log/command-log';
import type { Logger } from '@lamplighter/service-kit/log/logger';
import { CommandRecorder } from '@lamplighter/store/events/command-recorder';
import { Inject, Injectable } from '@nestjs/common';
import { EventWriter } from '../events/event-writer.js';
import { LOGGER } from '../foundation/tokens.js';
import { ApiMetrics } from '../metrics/api-metrics.js';

/** Records what the API did with commands. */
@Injectable()
export class ApiCommandRecorder extends CommandRecorder {
  constructor(@Inject(LOGGER) logger: Logger, metrics: ApiMetrics, events: EventWriter) {
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
