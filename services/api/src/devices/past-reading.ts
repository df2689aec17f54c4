import type { PastReading } from '@lamplighter/evaluation/window/reading-window';
import type { KeptReading } from '@lamplighter/store/devices/devices';

/** A stored reading as the evaluator needs it. Its time is `_at`, or the time of receipt without one. */
export function pastReading({ at, receivedAt, measurements }: KeptReading): PastReading {
  return { at: at ?? receivedAt, receivedAt, reading: measurements };
}
