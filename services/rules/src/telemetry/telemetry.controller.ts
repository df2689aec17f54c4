import { FILTERS } from '@lamplighter/contracts/topics';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { IngestService } from './ingest.service.js';

// Messages that arrive while two batches are under way form the next one.
const SUBSCRIPTION: Subscription = {
  link: 'telemetry',
  shared: true,
  includesRetained: false,
  maxBatch: 1000,
  concurrency: 2,
  holdsLink: true,
};

/** Telemetry, including that of the lesson protocol. */
@Controller()
export class TelemetryController {
  constructor(private readonly ingest: IngestService) {}

  @EventPattern(FILTERS.telemetry, SUBSCRIPTION)
  accept(@Payload() batch: readonly MqttMessage[]): Promise<void> {
    return this.ingest.accept(batch);
  }
}
