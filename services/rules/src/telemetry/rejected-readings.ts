import type { RejectReason } from '@lamplighter/contracts/telemetry/reading';
import type { KnownDevice } from '../cache/known-device.js';

/** Rejected readings of one device: their sequence numbers, if they could be read, and the number per reason. */
export interface RejectedReadings {
  readonly seqs: number[];
  readonly reasons: Map<RejectReason, number>;
}

export function addRejected(
  rejectedByDevice: Map<KnownDevice, RejectedReadings>,
  device: KnownDevice,
  reason: RejectReason,
  seq: number | undefined,
): void {
  let rejected = rejectedByDevice.get(device);
  if (rejected === undefined) {
    rejected = { seqs: [], reasons: new Map() };
    rejectedByDevice.set(device, rejected);
  }
  if (seq !== undefined) rejected.seqs.push(seq);
  rejected.reasons.set(reason, (rejected.reasons.get(reason) ?? 0) + 1);
}
