import type { PastReading } from '@lamplighter/evaluation/rule/window';
import type { KeptReading } from '@lamplighter/store/devices/devices';

/** A reading of the store as the evaluator sees it: its event time is the device's, or that of receipt if it has no clock. */
export function pastReading({ at, receivedAt, measurements }: KeptReading): PastReading {
  return { at: at ?? receivedAt, receivedAt, reading: measurements };
}
