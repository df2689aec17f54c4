import { isLiveKind } from '@lamplighter/store/telemetry/reading-order';
import type { EvaluatedPart, PendingReading } from '../evaluation/evaluate-part.js';

/** The readings of a part that conflicted, with the kinds that the store determined. */
export function withKinds(readings: readonly PendingReading[], kinds: string): PendingReading[] {
  if (kinds.length !== readings.length) return [...readings];
  return readings.map((reading, i) => ({ ...reading, isLive: isLiveKind(kinds[i]!) }));
}

export function countReadings(parts: readonly EvaluatedPart[]): number {
  let count = 0;
  for (const { readings } of parts) count += readings.length;
  return count;
}
