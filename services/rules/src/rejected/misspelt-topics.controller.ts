import { MISSPELT_FILTERS, misspeltFault } from '@lamplighter/contracts/misspelt-topics';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { RejectedService } from './rejected.service.js';

// Not on the link of telemetry, whose readings never wait for these.
const SUBSCRIPTION: Subscription = {
  link: 'commands',
  shared: true,
  includesRetained: false,
  maxBatch: 500,
  concurrency: 1,
  holdsLink: false,
};

/** Messages on misspelt topics: they are counted and shown, and nothing else happens because of them. */
@Controller()
export class MisspeltTopicsController {
  constructor(private readonly rejected: RejectedService) {}

  @EventPattern([...MISSPELT_FILTERS], SUBSCRIPTION)
  report(@Payload() batch: readonly MqttMessage[]): void {
    for (const message of batch) {
      // One that the broker retained was reported when it was published, and an empty one is how MQTT deletes it.
      if (message.delivery === 'retained' || message.payload.length === 0) continue;
      this.rejected.refuse('topic', 'topic', message, () => misspeltFault(message.topic));
    }
  }
}
