import { countRejected, type RejectedCounts } from '@lamplighter/store/fleets/ledger';
import type { Redis } from '@lamplighter/store/redis/connect';
import { acceptReadings } from '@lamplighter/store/telemetry/accept-readings';
import type { PartOutcome } from '@lamplighter/store/telemetry/device-part';
import { Inject, Injectable } from '@nestjs/common';
import type { EvaluatedPart } from '../evaluation/evaluate-part.js';
import { RulesMetrics } from '../metrics.js';
import { OrderedRetries } from '../store-access/ordered-retries.js';
import { OutageLog } from '../store-access/outage-log.js';
import { untilStored } from '../store-access/until-stored.js';
import { REDIS } from '../tokens.js';
import type { Batch } from './batch.js';
import { endToEndSeconds } from './end-to-end.js';

/** Writes batches, and retries in order while Redis is unavailable. */
@Injectable()
export class ReadingStore {
  private readonly retries = new OrderedRetries();

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly metrics: RulesMetrics,
    private readonly outages: OutageLog,
  ) {}

  /** Stores parts with one function. @returns their outcomes, in order; 'failed' for one on which the function fails */
  async write(replica: string, parts: readonly EvaluatedPart[]): Promise<(PartOutcome | 'failed')[]> {
    const started = performance.now();
    const readings = countReadings(parts);
    const accept = (some: readonly EvaluatedPart[]) =>
      this.metrics.storeCall('accept', () => acceptReadings(this.redis, replica, some));
    const outcomes = await this.retries.run((onRetry) =>
      untilStored(parts, accept, {
        onRetry: (error) => {
          this.metrics.telemetry.inc({ result: 'retried' }, readings);
          this.outages.writeFailed(error);
          return onRetry();
        },
        onPoison: (part, error) => this.outages.inputDropped(part.address, error),
      }),
    );
    this.outages.writeSucceeded();
    this.metrics.processing.observe({ stage: 'store' }, (performance.now() - started) / 1000);
    this.metrics.batchReadings.observe(readings);
    const seconds = endToEndSeconds(parts, Date.now());
    if (seconds !== undefined) this.metrics.endToEnd.observe(seconds);
    return outcomes;
  }

  /** Counts the rejected readings of a batch in the ledger, and adds receipts for devices that would send them again. */
  async countRejected({ rejected, receipts }: Batch): Promise<void> {
    const counts = [...rejected].map(
      ([{ address }, { seqs, reasons }]): RejectedCounts => ({ address, own: seqs.length, reasons }),
    );
    const count = (some: readonly RejectedCounts[]) =>
      this.metrics.storeCall('rejected', () => countRejected(this.redis, some));
    const sessions = await untilStored(counts, count, {
      onRetry: (error) => this.outages.writeFailed(error),
      onPoison: ({ address }, error) => this.outages.inputDropped(address, error),
    });
    for (const [i, [device, { seqs, reasons }]] of [...rejected].entries()) {
      // For a device without any accepted reading this is the only source of its session.
      const session = sessions[i];
      if (session !== 'failed') device.updateSession(session);
      // No receipt if the fleet is full, because the device may be accepted later.
      if (!reasons.has('unknown_device')) for (const seq of seqs) receipts.add(device, 'refused', seq);
    }
  }
}

function countReadings(parts: readonly EvaluatedPart[]): number {
  let count = 0;
  for (const { readings } of parts) count += readings.length;
  return count;
}
