import { FILTERS } from '@lamplighter/contracts/topics';
import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EdgeService } from '../edge/edge.service.js';
import type { MqttMessage } from '../mqtt/messages.js';
import type { Subscription } from '../mqtt/mqtt-transport.js';
import { BatchParser } from './batch-parser.service.js';
import { EvaluationRounds } from './evaluation-rounds.service.js';
import { ReadingStore } from './reading-store.service.js';
import { ReceiptsService } from './receipts.service.js';

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
  constructor(
    private readonly parser: BatchParser,
    private readonly rounds: EvaluationRounds,
    private readonly edge: EdgeService,
    private readonly store: ReadingStore,
    private readonly receipts: ReceiptsService,
  ) {}

  /** Settles when every reading is stored, or rejected and counted. */
  @EventPattern(FILTERS.telemetry, SUBSCRIPTION)
  async accept(@Payload() messages: readonly MqttMessage[]): Promise<void> {
    const batch = this.parser.parse(messages, Date.now());
    await this.rounds.run(batch);
    if (batch.edgeReports.length > 0) await this.edge.storeReports(batch.edgeReports);
    if (batch.rejected.size > 0) await this.store.countRejected(batch);
    this.receipts.send(batch);
  }
}
