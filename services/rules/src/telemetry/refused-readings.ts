import type { RejectReason } from '@lamplighter/contracts/telemetry/reading';
import type { KnownDevice } from '../cache/known-device.js';

/** Refused readings of one device: their sequence numbers, if they could be read, and the number per reason. */
export interface Refused {
  readonly seqs: number[];
  readonly reasons: Map<RejectReason, number>;
}

export function refuse(
  refusals: Map<KnownDevice, Refused>,
  device: KnownDevice,
  reason: RejectReason,
  seq: number | undefined,
): void {
  let refused = refusals.get(device);
  if (refused === undefined) {
    refused = { seqs: [], reasons: new Map() };
    refusals.set(device, refused);
  }
  if (seq !== undefined) refused.seqs.push(seq);
  refused.reasons.set(reason, (refused.reasons.get(reason) ?? 0) + 1);
}
