import type { Redis } from 'ioredis';
import { measurementNamesKey } from '../keys.js';

/** Limit per fleet: warnings about unknown names do not help a fleet with more. */
const MAX_NAMES = 1000;
/** Names of all fleets that a recorder remembers as written. */
const MAX_REMEMBERED = 10_000;
/** Names that were deleted in the meantime are written again after this time, milliseconds. */
const REMEMBERED_MS = 600_000;

/** Measurements of one reading. */
export interface Measured {
  readonly fleet: string;
  readonly measurements: Readonly<Record<string, unknown>>;
}

/**
 * Records all measurement names that a fleet has sent, from a sample of its readings. A known name costs no round trip.
 */
export class MeasurementNames {
  private readonly written = new Set<string>();
  private writtenSince = Date.now();

  constructor(private readonly redis: Redis) {}

  /** Writes the names that are new among these readings. */
  async record(sample: readonly Measured[]): Promise<void> {
    if (this.written.size > MAX_REMEMBERED || Date.now() - this.writtenSince > REMEMBERED_MS) {
      this.written.clear();
      this.writtenSince = Date.now();
    }
    const found = new Map<string, Set<string>>();
    for (const { fleet, measurements } of sample) {
      for (const name of Object.keys(measurements)) {
        if (this.written.has(`${fleet}/${name}`)) continue;
        const names = found.get(fleet) ?? new Set();
        found.set(fleet, names.add(name));
      }
    }
    for (const [fleet, names] of found) {
      // Concurrent replicas can exceed the limit slightly.
      if ((await this.redis.scard(measurementNamesKey(fleet))) < MAX_NAMES)
        await this.redis.sadd(measurementNamesKey(fleet), ...names);
      for (const name of names) this.written.add(`${fleet}/${name}`);
    }
  }
}

/** The measurement names in the sampled readings of a fleet. */
export async function readMeasurementNames(redis: Redis, fleet: string): Promise<string[]> {
  return redis.smembers(measurementNamesKey(fleet));
}
