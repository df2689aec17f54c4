import { FILTERS } from '@lamplighter/contracts/topics';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { IngestService } from './ingest.service.js';

// What arrives while a batch is being written is the next one; under full load one is judged while Redis writes the other.
const SUBSCRIPTION: Subscription = {
  link: 'telemetry',
  shared: true,
  includesRetained: false,
  maxBatch: 1000,
  concurrency: 3,
  holdsLink: true,
};

/** Telemetry of both lanes. */
@Controller()
export class TelemetryController {
  constructor(private readonly ingest: IngestService) {}

  @EventPattern(FILTERS.telemetry, SUBSCRIPTION)
  accept(@Payload() batch: readonly MqttMessage[]): Promise<void> {
    return this.ingest.accept(batch);
  }
}
