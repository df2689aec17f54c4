import type { RejectReason } from '@lamplighter/contracts/telemetry/reading';
import type { KnownDevice } from '../cache/known-device.js';
import type { Reported } from '../edge/edge.service.js';
import type { PendingReading } from '../evaluation/evaluate-part.js';
import { Receipts } from './receipts.js';

/** Rejected readings of one device: their sequence numbers, if they could be read, and the number per reason. */
export interface RejectedReadings {
  readonly seqs: number[];
  readonly reasons: Map<RejectReason, number>;
}

/** A batch of telemetry on its way from the parser to its receipts. */
export class Batch {
  /** Readings that are not stored yet, by device, in order. A device without readings is evaluated because its timer is due. */
  pending = new Map<KnownDevice, PendingReading[]>();
  readonly rejected = new Map<KnownDevice, RejectedReadings>();
  readonly receipts = new Receipts();
  readonly edgeReports: Reported[] = [];
  /** When the last write finished, monotonic time in ms. */
  storedAt = performance.now();

  /** @param listeningSince server time in ms; for timers, silence before it does not count, because no replica was listening */
  constructor(readonly listeningSince?: number) {}

  /** A batch of devices whose timers are due. */
  static ofTimers(devices: readonly KnownDevice[], listeningSince: number): Batch {
    const batch = new Batch(listeningSince);
    for (const device of devices) batch.pending.set(device, []);
    return batch;
  }

  add(device: KnownDevice, reading: PendingReading): void {
    const others = this.pending.get(device);
    if (others === undefined) this.pending.set(device, [reading]);
    else others.push(reading);
  }

  reject(device: KnownDevice, reason: RejectReason, seq: number | undefined): void {
    let rejected = this.rejected.get(device);
    if (rejected === undefined) {
      rejected = { seqs: [], reasons: new Map() };
      this.rejected.set(device, rejected);
    }
    if (seq !== undefined) rejected.seqs.push(seq);
    rejected.reasons.set(reason, (rejected.reasons.get(reason) ?? 0) + 1);
  }
}
