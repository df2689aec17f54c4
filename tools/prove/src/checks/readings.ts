import type { FleetEvidence } from '../evidence/evidence.js';
import { eventsOf } from '../evidence/journal.js';
import type { Violation } from './violation.js';

/** Readings of a fleet by outcome. */
export interface ReadingCounts {
  taken: number;
  stored: number;
  dropped: number;
  rejected: number;
}

/**
 * Every reading that a device took is stored, or was reported as dropped by the device or rejected by the server. A receipt alone proves
 * nothing: the API must show the reading.
 */
export function checkReadings({ fleet, journal, stored, gaps }: FleetEvidence): {
  counts: ReadingCounts;
  violations: Violation[];
} {
  const key = (device: string, seq: number) => `${device} ${seq}`;
  const settled = { dropped: new Set<string>(), rejected: new Set<string>() };
  for (const { device, seq } of eventsOf(journal, 'dropped')) settled.dropped.add(key(device, seq));
  const receipted = new Set<string>();
  for (const receipt of eventsOf(journal, 'receipt')) {
    for (const seq of receipt.stored) receipted.add(key(receipt.device, seq));
    for (const seq of receipt.refused ?? []) settled.rejected.add(key(receipt.device, seq));
  }

  const violations: Violation[] = [];
  const shown = new Set<string>();
  for (const [device, seqs] of stored) {
    for (const seq of seqs) {
      if (shown.has(key(device, seq)))
        violations.push({ kind: 'readings stored twice', what: `${fleet}/${device} _seq ${seq}` });
      shown.add(key(device, seq));
    }
  }

  const counts: ReadingCounts = { taken: 0, stored: 0, dropped: 0, rejected: 0 };
  for (const { device, seq, n } of eventsOf(journal, 'taken')) {
    const reading = key(device, seq);
    counts.taken += 1;
    if (shown.has(reading)) counts.stored += 1;
    else if (settled.rejected.has(reading)) counts.rejected += 1;
    else if (settled.dropped.has(reading)) counts.dropped += 1;
    else {
      const isUnseen = gaps?.has(device) && receipted.has(reading);
      const note = receipted.has(reading) ? ', despite its receipt' : '';
      violations.push({
        kind: isUnseen ? 'evidence missing' : 'readings lost',
        what: `${fleet}/${device} _seq ${seq} (reading ${n})${note}${isUnseen ? '; it may have left the window between polls' : ''}`,
      });
    }
  }
  return { counts, violations };
}
