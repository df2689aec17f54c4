import { MISSPELT_FILTERS, misspeltFault } from '@lamplighter/contracts/misspelt-topics';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { RejectedService } from './rejected.service.js';

// On the commands link, so that telemetry never waits for these messages.
const SUBSCRIPTION: Subscription = {
  link: 'commands',
  shared: true,
  includesRetained: false,
  maxBatch: 500,
  concurrency: 1,
  holdsLink: false,
};

/** Reports messages on misspelt topics, and ignores them otherwise. */
@Controller()
export class MisspeltTopicsController {
  constructor(private readonly rejected: RejectedService) {}

  @EventPattern([...MISSPELT_FILTERS], SUBSCRIPTION)
  report(@Payload() batch: readonly MqttMessage[]): void {
    for (const message of batch) {
      // A retained message was reported when it was published; an empty one clears it.
      if (message.delivery === 'retained' || message.payload.length === 0) continue;
      this.rejected.reject('topic', 'topic', message, () => misspeltFault(message.topic));
    }
  }
}
